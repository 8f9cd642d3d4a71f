#include "dstack/python/requirement_line.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::python {

std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> lines;
  std::size_t number = 1;
  bool goes_on = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
    text.remove_prefix(line.size());
    if (!goes_on)
      lines.push_back({"", number});
    lines.back().text += line;
    const std::string_view content = trim(line);
    goes_on = content.ends_with('\\') && !content.starts_with('#');
    ++number;
  }
  return lines;
}

std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t')
      return line.substr(0, at);
  return line;
}

std::optional<Span> option_value(std::string_view line,
                                 std::string_view short_name,
                                 std::string_view long_name) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return std::nullopt;
  std::size_t at = 0;
  if (line.substr(begin).starts_with(long_name)) {
    at = begin + long_name.size();
    if (at >= line.size() || (line[at] != '=' && line[at] != ' ' && line[at] != '\t'))
      return std::nullopt;
    ++at;
  } else if (line.substr(begin).starts_with(short_name) && !line.substr(begin).starts_with("--")) {
    at = begin + short_name.size();
    if (at < line.size() && line[at] == '=')
      ++at;
  } else {
    return std::nullopt;
  }
  at = line.find_first_not_of(" \t", at);
  if (at == std::string_view::npos)
    return std::nullopt;
  return Span{at, trim(line.substr(at)).size()};
}

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos;
}

Span path_part(std::string_view line, Span span) {
  const std::string_view value = line.substr(span.begin, span.size);
  std::size_t end = std::min({value.find(" ;"), value.find(" --"), value.find(" @"), value.size()});
  if (const std::size_t bracket = value.find('[');
      bracket < end && value.find(']', bracket) != std::string_view::npos)
    end = bracket;
  return {span.begin, trim(value.substr(0, end)).size()};
}

Span after_name(std::string_view line, Span span) {
  const std::string_view value = line.substr(span.begin, span.size);
  const std::size_t at = value.find('@');
  if (at == std::string_view::npos || at == 0)
    return span;
  const std::string_view rest = value.substr(at + 1);
  const std::string_view target = trim(rest);
  if (!target.starts_with("file:") && !target.starts_with("./") && !target.starts_with("../") &&
      !target.starts_with('/'))
    return span;
  const std::size_t skipped = at + 1 + rest.find(target.front());
  return {span.begin + skipped, span.size - skipped};
}

std::string_view without_file_scheme(std::string_view path) {
  if (path.starts_with("file://"))
    path.remove_prefix(7);
  else if (path.starts_with("file:"))
    path.remove_prefix(5);
  return path.substr(0, path.find('#'));
}

namespace {

bool is_archive(std::string_view path) {
  for (const std::string_view ending : {".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz"})
    if (path.ends_with(ending))
      return true;
  return false;
}

}  // namespace

bool looks_like_path(std::string_view text) {
  if (text.starts_with("file:"))
    return true;
  if (is_url(text))
    return false;
  return text == "." || text == ".." || text.find('/') != std::string_view::npos ||
         is_archive(text);
}

}  // namespace dstack::python
