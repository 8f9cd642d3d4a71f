#include "dstack/backend/docker_ignore.hpp"

#include "dstack/base/text.hpp"

#include <fnmatch.h>

namespace dstack::backend {

namespace {

using Names = std::vector<std::string_view>;

/// The names of a pattern, without empty ones and `.`; `..` takes the name before it away.
std::vector<std::string> names_of(std::string_view pattern) {
  std::vector<std::string> names;
  for (const std::string_view name : split(pattern, '/')) {
    if (name == ".." && !names.empty())
      names.pop_back();
    else if (!name.empty() && name != "." && name != "..")
      names.emplace_back(name);
  }
  return names;
}

/// Whether the names of the pattern from `at` on match all of the path from `from` on. At most as
/// many steps as there are pairs of both: `known` has those that are known not to match.
bool matches(const std::vector<std::string>& pattern,
             std::size_t at,
             const Names& path,
             std::size_t from,
             std::vector<bool>& known) {
  if (at == pattern.size())
    return from == path.size();
  const std::size_t place = at * (path.size() + 1) + from;
  if (known[place])
    return false;
  known[place] = true;
  if (pattern[at] == "**")
    return matches(pattern, at + 1, path, from, known) ||
           (from < path.size() && matches(pattern, at, path, from + 1, known));
  return from < path.size() &&
         ::fnmatch(pattern[at].c_str(), std::string(path[from]).c_str(), 0) == 0 &&
         matches(pattern, at + 1, path, from + 1, known);
}

}  // namespace

DockerIgnore::DockerIgnore(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);
  for (std::string_view line : split(text, '\n')) {
    if (line.starts_with('#'))
      continue;
    line = trim(line);
    Rule rule;
    rule.takes_back = line.starts_with('!');
    if (rule.takes_back)
      line = trim(line.substr(1));
    rule.names = names_of(line);
    if (!rule.names.empty())
      rules_.push_back(std::move(rule));
  }
}

/// Whether it matches the path or a folder above it.
bool DockerIgnore::covers(const Rule& rule, const Names& path) {
  Names above;
  for (const std::string_view name : path) {
    above.push_back(name);
    std::vector<bool> known(rule.names.size() * (above.size() + 1));
    if (matches(rule.names, 0, above, 0, known))
      return true;
  }
  return false;
}

bool DockerIgnore::leaves_out(std::string_view path) const {
  const Names names = split(path, '/');
  bool left_out = false;
  for (const Rule& rule : rules_)
    if (rule.takes_back == left_out && covers(rule, names))
      left_out = !rule.takes_back;
  return left_out;
}

}  // namespace dstack::backend
