// "Did you mean …?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dstack {

/// The candidates close to `word` (Damerau-Levenshtein distance, at most a third of its length, and
/// 1 for short words), closest first, three at the most. Upper and lower case count as the same.
std::vector<std::string> closest(std::string_view word, const std::vector<std::string>& candidates);
/// "did you mean 'train'?", or empty without a name.
std::string did_you_mean(const std::vector<std::string>& names);
/// The same with those that are close.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace dstack
