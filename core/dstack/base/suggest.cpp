#include "dstack/base/suggest.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace dstack {

namespace {

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j)
    cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

}  // namespace

std::vector<std::string> closest(std::string_view word,
                                 const std::vector<std::string>& candidates) {
  const std::string wanted = to_lower(word);
  if (wanted.empty() || wanted.size() > 200)
    return {};
  const std::size_t limit =
      std::max<std::size_t>(1, std::min<std::size_t>(3, (wanted.size() + 1) / 3));
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > wanted.size() + limit || candidate.size() + limit < wanted.size())
      continue;
    const std::size_t distance = edit_distance(wanted, to_lower(candidate));
    if (distance <= limit && distance < wanted.size())
      found.emplace_back(distance, candidate);
  }
  std::stable_sort(
      found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (auto& [distance, name] : found)
    if (names.size() < 3 && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  return names;
}

std::string did_you_mean(const std::vector<std::string>& names) {
  if (names.empty())
    return {};
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "'" : i + 1 == names.size() ? " or '" : ", '") + names[i] + "'";
  return text + "?";
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  return did_you_mean(closest(word, candidates));
}

}  // namespace dstack
