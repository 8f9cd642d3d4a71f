// A measured value in JSON.
#pragma once

#include "dstack/base/json.hpp"

namespace dstack::metrics {

/// A number; NaN and infinities, which JSON does not have, are the texts "NaN", "Infinity" and
/// "-Infinity", as JavaScript writes them.
Json value_json(double value);

}  // namespace dstack::metrics
