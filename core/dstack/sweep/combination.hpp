// What one job of a sweep is given.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dstack::sweep {

/// Keys and their values as text, in the order in which the sweep names its keys. A key that does
/// not apply to the combination is not in it.
using Combination = std::vector<std::pair<std::string, std::string>>;

/// The value of a key; null where the combination has none.
const std::string* value_of(const Combination& combination, const std::string& key);

}  // namespace dstack::sweep
