// One value that a job reported of itself: `loss` was 0.5 at step 100.
#pragma once

#include "dstack/base/time.hpp"

#include <cstdint>
#include <string>

namespace dstack::metrics {

/// A point of one metric, without its name.
struct Sample {
  std::int64_t step = 0;
  Timestamp time = {};
  double value = 0;           ///< NaN and infinities included
  std::uint32_t attempt = 1;  ///< of the job, from 1

  bool operator==(const Sample&) const = default;
};

struct Point {
  std::string name = {};  ///< UTF-8; parts of nested ones joined by dots: "eval.loss"
  Sample sample = {};
};

}  // namespace dstack::metrics
