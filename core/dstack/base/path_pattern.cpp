#include "dstack/base/path_pattern.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

#include <fnmatch.h>

namespace dstack {

namespace {

constexpr std::string_view any_folders = "**";

}  // namespace

bool is_pattern(std::string_view path) {
  return path.find_first_of("*?[") != std::string_view::npos;
}

bool has_open_bracket(std::string_view path) {
  for (const std::string_view name : split(path, '/'))
    for (std::size_t open = name.find('['); open != std::string_view::npos;) {
      // A `]` right behind the `[`, or behind its `!`, is one of the characters that match.
      const std::size_t first =
          open + 1 < name.size() && name[open + 1] == '!' ? open + 2 : open + 1;
      const std::size_t close = name.find(']', first + 1);
      if (close == std::string_view::npos)
        return true;
      open = name.find('[', close + 1);
    }
  return false;
}

PathPattern::PathPattern(std::string_view pattern) : text_(pattern) {
  bool is_fixed = is_pattern(pattern);
  for (const std::string_view name : split(pattern, '/')) {
    if (name == any_folders && !names_.empty() && names_.back() == any_folders)
      continue;
    is_fixed = is_fixed && !is_pattern(name);
    if (is_fixed)
      fixed_ += (fixed_.empty() ? "" : "/") + std::string(name);
    names_.emplace_back(name);
  }
}

bool PathPattern::matches_name(std::size_t at, std::string_view name) const {
  return names_[at] == name ||
         (is_pattern(names_[at]) &&
          ::fnmatch(names_[at].c_str(), std::string(name).c_str(), FNM_NOESCAPE) == 0);
}

/// Goes back to the last `**` alone: what an earlier one could take besides, this one can take as
/// well.
bool PathPattern::matches(const Names& path) const {
  std::size_t at = 0;
  std::size_t from = 0;
  std::size_t behind_any = 0;  // 0: there was no `**` yet
  std::size_t any_end = 0;     // what it takes ends here
  for (;;) {
    if (at == names_.size() && from == path.size())
      return true;
    if (at < names_.size() && names_[at] == any_folders) {
      if (at + 1 == names_.size())
        return from < path.size();  // all that is inside, and not the folder itself
      behind_any = ++at;
      any_end = from;
    } else if (at < names_.size() && from < path.size() && matches_name(at, path[from])) {
      ++at;
      ++from;
    } else if (behind_any == 0 || any_end >= path.size()) {
      return false;
    } else {
      at = behind_any;
      from = ++any_end;
    }
  }
}

bool PathPattern::matches(std::string_view path) const {
  return path == text_ || (is_pattern(text_) && matches(split(path, '/')));
}

bool PathPattern::covers(std::string_view path) const {
  if (is_below(path, text_))
    return true;
  if (!is_pattern(text_) || (!fixed_.empty() && !is_below(path, fixed_)))
    return false;
  Names above;
  for (const std::string_view name : split(path, '/')) {
    above.push_back(name);
    if (matches(above))
      return true;
  }
  return false;
}

bool PathPattern::may_match_below(std::string_view folder) const {
  const Names path = split(folder, '/');
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i >= names_.size())
      return false;
    if (names_[i] == any_folders)
      return true;
    if (!matches_name(i, path[i]))
      return false;
  }
  return path.size() < names_.size();
}

bool PathPattern::matches_all() const {
  return std::all_of(names_.begin(), names_.end(), [](const std::string& name) {
    return name.find_first_not_of('*') == std::string::npos;
  });
}

bool is_covered(std::string_view path, const std::vector<PathPattern>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const PathPattern& pattern) {
    return pattern.covers(path);
  });
}

std::vector<PathPattern> make_patterns(const std::vector<std::string>& paths) {
  std::vector<PathPattern> patterns;
  patterns.reserve(paths.size());
  for (const std::string& path : paths)
    patterns.emplace_back(path);
  return patterns;
}

}  // namespace dstack
