#include "dstack/source/ignore.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

#include <fnmatch.h>

namespace dstack::source {

namespace {

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

IgnoreRules::Segment::Segment(std::string_view its_text)
    : text(its_text), is_literal(text.find_first_of("*?[\\") == std::string::npos) {}

bool IgnoreRules::Segment::matches(std::string_view name) const {
  return is_literal ? text == name : ::fnmatch(text.c_str(), std::string(name).c_str(), 0) == 0;
}

/// Matches segment by segment, so that neither a star nor a question mark ever meets a slash. Goes
/// back to the last `**` alone: what an earlier one could take besides, this one can take as well.
bool IgnoreRules::match_segments(const std::vector<Segment>& pattern, const Names& path) {
  std::size_t at = 0;
  std::size_t from = 0;
  std::size_t behind_stars = 0;  // 0: there were none yet
  std::size_t stars_end = 0;     // what they take ends here
  for (;;) {
    if (at == pattern.size() && from == path.size())
      return true;
    if (at < pattern.size() && pattern[at].text == "**") {
      if (at + 1 == pattern.size())
        return from < path.size();  // everything inside, and not the folder itself
      behind_stars = ++at;
      stars_end = from;
    } else if (at < pattern.size() && from < path.size() && pattern[at].matches(path[from])) {
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
    if (segment != "**" || rule.segments.empty() || rule.segments.back().text != "**")
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
  if (file.rules.empty())
    return;
  files_.push_back(std::move(file));
  folders_.clear();
}

bool IgnoreRules::matches(const Rule& rule, const Names& path, PathType type) {
  if (rule.is_for_folders && type != PathType::folder)
    return false;
  return rule.is_anchored ? match_segments(rule.segments, path)
                          : rule.segments.front().matches(path.back());
}

bool IgnoreRules::matches(std::string_view path, PathType type) const {
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    if (!path.starts_with(file->prefix))
      continue;
    const Names relative = split(path.substr(file->prefix.size()), '/');
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
