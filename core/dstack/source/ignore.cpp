#include "dstack/source/ignore.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

#include <fnmatch.h>

namespace dstack::source {

namespace {

using Segments = std::vector<std::string>;

/// Matches segment by segment, so that neither a star nor a question mark ever meets a slash. Goes
/// back to the last `**` alone: what an earlier one could take besides, this one can take as well.
bool match_segments(const Segments& pattern, const std::vector<std::string_view>& path) {
  std::size_t at = 0;
  std::size_t from = 0;
  std::size_t behind_stars = 0;  // 0: there were none yet
  std::size_t stars_end = 0;     // what they take ends here
  for (;;) {
    if (at == pattern.size() && from == path.size())
      return true;
    if (at < pattern.size() && pattern[at] == "**") {
      if (at + 1 == pattern.size())
        return from < path.size();  // everything inside, and not the folder itself
      behind_stars = ++at;
      stars_end = from;
    } else if (at < pattern.size() && from < path.size() &&
               ::fnmatch(pattern[at].c_str(), std::string(path[from]).c_str(), 0) == 0) {
      ++at;
      ++from;
    } else if (behind_stars == 0 || stars_end >= path.size()) {
      return false;
    } else {
      at = behind_stars;
      from = ++stars_end;
    }
  }
}

/// Without the spaces at the end, but for one that a backslash keeps.
std::string_view trim_end(std::string_view line) {
  while (line.ends_with(' ')) {
    std::size_t backslashes = 0;
    while (backslashes + 1 < line.size() && line[line.size() - 2 - backslashes] == '\\')
      ++backslashes;
    if (backslashes % 2 == 1)
      break;
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

std::optional<IgnoreRules::Rule> IgnoreRules::parse(std::string_view line) {
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  line = trim_end(line);
  Rule rule;
  if (line.empty() || line.front() == '#')
    return std::nullopt;
  if (line.front() == '!') {
    rule.is_negated = true;
    line.remove_prefix(1);
  }
  if (line.ends_with('/')) {
    rule.is_for_folders = true;
    line.remove_suffix(1);
  }
  rule.is_anchored = line.find('/') != std::string_view::npos;
  if (line.starts_with('/'))
    line.remove_prefix(1);
  if (line.empty())
    return std::nullopt;
  for (const std::string_view segment : split(line, '/'))
    if (segment != "**" || rule.segments.empty() || rule.segments.back() != "**")
      rule.segments.emplace_back(segment);
  return rule;
}

void IgnoreRules::add(const std::string& folder, std::string_view text) {
  File file;
  file.prefix = folder.empty() ? "" : folder + "/";
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());
  for (const std::string_view line : split(text, '\n'))
    if (auto rule = parse(line))
      file.rules.push_back(std::move(*rule));
  if (!file.rules.empty())
    files_.push_back(std::move(file));
}

bool IgnoreRules::matches(const Rule& rule, std::string_view path, PathType type) {
  if (rule.is_for_folders && type != PathType::folder)
    return false;
  if (rule.is_anchored)
    return match_segments(rule.segments, split(path, '/'));
  const std::string name(path.substr(path.rfind('/') + 1));
  return ::fnmatch(rule.segments.front().c_str(), name.c_str(), 0) == 0;
}

bool IgnoreRules::matches(std::string_view path, PathType type) const {
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    if (!path.starts_with(file->prefix))
      continue;
    const std::string_view relative = path.substr(file->prefix.size());
    const auto rule = std::find_if(file->rules.rbegin(), file->rules.rend(), [&](const Rule& each) {
      return matches(each, relative, type);
    });
    if (rule != file->rules.rend())
      return !rule->is_negated;
  }
  return false;
}

bool IgnoreRules::ignores_folder(const std::string& path) {
  if (const auto found = folders_.find(path); found != folders_.end())
    return found->second;
  const std::size_t slash = path.rfind('/');
  const bool is_ignored = (slash != std::string::npos && ignores_folder(path.substr(0, slash))) ||
                          matches(path, PathType::folder);
  folders_.emplace(path, is_ignored);
  return is_ignored;
}

bool IgnoreRules::ignores(const std::string& path) {
  if (files_.empty())
    return false;
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && ignores_folder(path.substr(0, slash)))
    return true;
  return matches(path, PathType::file);
}

}  // namespace dstack::source
