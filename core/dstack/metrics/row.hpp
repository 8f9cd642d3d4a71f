// Numbers that were reported together, and what of them says when: the common form of all sources.
#pragma once

#include "dstack/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::metrics {

struct Row {
  std::optional<std::int64_t> step = {};
  std::optional<Timestamp> time = {};
  std::vector<std::pair<std::string, double>> values = {};
};

/// A number as programs write it, NaN and infinities included; all of the text.
std::optional<double> parse_value(std::string_view text);

/// Makes a row of numbers with their names. The step is the whole number called `step`,
/// `global_step`, `_step`, `iteration`, `iter` or `epoch`, the first of these that is there; the
/// time is that of `_timestamp`, `timestamp`, `wall_time` or `time` where it can be one, in seconds
/// or milliseconds since 1970. The case of letters does not count. Neither is among the values, but
/// for the epoch where something else is the step.
Row make_row(std::vector<std::pair<std::string, double>> numbers);

/// Whether a number of this name would be the step.
bool names_step(std::string_view name);

}  // namespace dstack::metrics
