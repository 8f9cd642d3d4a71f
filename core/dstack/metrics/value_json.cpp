#include "dstack/metrics/value_json.hpp"

#include <cmath>

namespace dstack::metrics {

Json value_json(double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

}  // namespace dstack::metrics
