// Numbers that were measured, as tables, CSV and JSON show them.
#pragma once

#include "dstack/base/json.hpp"

#include <string>
#include <string_view>

namespace dstack::cli {

/// Six digits at the most, for people: "0.93", "1.2e-05", "nan".
std::string render_number(double value);
/// The shortest text that is read as the same number again.
std::string exact_number(double value);
/// A number; NaN and infinities, which JSON does not have, as the texts "NaN", "Infinity",
/// "-Infinity".
Json number_json(double value);
/// Quoted where a reader of CSV needs it.
std::string csv_cell(std::string_view text);

}  // namespace dstack::cli
