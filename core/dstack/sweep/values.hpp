// The values that a key of a sweep takes, as they are written on the command line and in a
// workflow's `matrix`:
//
//   0.1,0.01           these
//   1..5               whole numbers, both ends included
//   lin:0..1:5         five values at equal distances, both ends included
//   log:1e-4..1e-1:4   four, each the same multiple of the one before
//   lin:0..1  log:1e-4..1e-1  0.1..0.9
//                      an interval, of which `--samples` chooses
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::sweep {

/// Numbers between two ends, both of which may be chosen.
struct Interval {
  double low = 0;
  double high = 0;
  bool logarithmic = false;
  int digits = 6;  ///< significant ones of a value's text
  /// Which coordinate of the chosen points is its own: the same for one key of several workflows,
  /// which then have the same values of it.
  std::size_t coordinate = 0;

  /// The number at `position`, from 0 to 1, as text.
  std::string at(double position) const;

  bool operator==(const Interval&) const = default;
};

/// One of the two.
struct Values {
  std::vector<std::string> list;
  std::optional<Interval> interval;

  bool operator==(const Values&) const = default;
};

/// A key has at most so many values, and a sweep so many combinations.
inline constexpr std::size_t most_combinations = 1'000'000;

/// The text after `KEY=`. configuration, with what to write instead.
Result<Values> parse_values(std::string_view text);
/// An element of a list: a range, or nothing where it is a plain value.
Result<std::optional<Values>> parse_range(std::string_view text);

}  // namespace dstack::sweep
