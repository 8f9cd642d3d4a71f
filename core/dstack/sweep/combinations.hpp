// A sweep as it is described, and the combinations of values that it consists of.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/sweep/combination.hpp"
#include "dstack/sweep/values.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::sweep {

/// Only where another key has one of these values.
struct Condition {
  std::string key;
  std::vector<std::string> values;

  bool operator==(const Condition&) const = default;
};

/// One or more keys that change together, independent of the other dimensions.
struct Dimension {
  std::vector<std::string> keys;
  /// For each of its values, one entry a key; a key without a value is left out there.
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::optional<Interval> interval;  ///< instead of rows; then there is one key
  std::optional<Condition> when;     ///< else its keys are left out; then there is one key

  bool operator==(const Dimension&) const = default;
};

struct Space {
  std::vector<Dimension> dimensions;
  std::vector<Combination> exclude;  ///< combinations with all values of one of these
  std::vector<Combination> include;  ///< combinations beside those of the dimensions
  std::vector<std::string> order =
      {};  ///< keys that come first in each combination, as they are here

  bool empty() const { return dimensions.empty() && include.empty(); }

  /// In the order in which they are named, each once.
  std::vector<std::string> keys() const;

  bool operator==(const Space&) const = default;
};

/// A dimension of one key.
Dimension dimension_of(std::string key, Values values);

/// One dimension whose keys change together. configuration: they have different numbers of values,
/// or one is an interval or has a condition.
Result<Dimension> zip(const std::vector<Dimension>& parts);

/// How values of intervals are chosen.
struct Sampling {
  std::optional<std::size_t> count;
  std::uint64_t seed = 0;

  bool operator==(const Sampling&) const = default;
};

struct Expansion {
  /// In the order of the dimensions, the last changing fastest; chosen values change slowest, so
  /// that more of them are added at the end. Then those of `include`.
  std::vector<Combination> combinations;
  std::size_t equal = 0;  ///< so many were equal to one before, and are not repeated
};

/// configuration: the intervals lack a number of samples, or the samples an interval; conditions on
/// keys that are not there, or in a circle; more than most_combinations; none at all.
Result<Expansion> expand(const Space& space, const Sampling& sampling);

}  // namespace dstack::sweep
