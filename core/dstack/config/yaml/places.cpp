#include "dstack/config/yaml/places.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <utility>

namespace dstack::config {

namespace {

/// Longer flow collections are marked by their bracket alone, which bounds the search.
constexpr std::size_t longest_marked_flow = 400;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0u) == 0x80;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_break(char c) {
  return c == '\n' || c == '\r';
}

bool is_flow_indicator(char c) {
  return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

/// A blank, a line's end, or the end of the text.
bool ends_word(std::string_view text, std::size_t offset) {
  return offset >= text.size() || is_blank(text[offset]) || is_break(text[offset]);
}

std::size_t skip_line(std::string_view text, std::size_t offset) {
  return std::min(text.find('\n', offset), text.size());
}

/// The end of a plain scalar: before `: `, ` #`, the end of the line, or an indicator of a flow
/// collection.
std::size_t skip_plain(std::string_view text, std::size_t offset) {
  while (offset < text.size() && !is_break(text[offset])) {
    const bool ends = (text[offset] == ':' && ends_word(text, offset + 1)) ||
                      (text[offset] == '#' && offset > 0 && is_blank(text[offset - 1])) ||
                      is_flow_indicator(text[offset]);
    if (ends)
      break;
    ++offset;
  }
  return offset;
}

}  // namespace

Places::Places(std::shared_ptr<const SourceText> source)
    : source_(std::move(source)),
      ascii_(std::none_of(
          source_->text.begin(), source_->text.end(), [](char c) { return (c & 0x80) != 0; })) {}

std::size_t Places::line_end() const {
  return line_ + 1 < source_->line_starts.size() ? source_->line_starts[line_ + 1]
                                                 : source_->text.size();
}

void Places::go_to(std::size_t offset) {
  const bool same_line = offset >= line_begin() && offset < line_end();
  if (!same_line) {
    const auto& starts = source_->line_starts;
    // Most often it is one of the next few lines.
    const auto near =
        starts.begin() + static_cast<std::ptrdiff_t>(std::min(line_ + 4, starts.size()));
    const bool ahead = offset >= line_end() && near != starts.end() && offset < *near;
    const auto first = ahead ? starts.begin() + static_cast<std::ptrdiff_t>(line_) : starts.begin();
    const auto last = ahead ? near + 1 : starts.end();
    line_ = static_cast<std::size_t>(std::upper_bound(first, last, offset) - starts.begin()) - 1;
    offset_ = line_begin();
    character_ = 0;
  }
  if (ascii_) {
    character_ = offset - line_begin();
  } else {
    const std::string_view text = source_->text;
    for (; offset_ < offset; ++offset_)
      character_ += is_continuation(text[offset_]) ? 0u : 1u;
    for (; offset_ > offset; --offset_)
      character_ -= is_continuation(text[offset_ - 1]) ? 0u : 1u;
  }
  offset_ = offset;
}

SourceLocation Places::at(std::size_t begin, std::size_t end) {
  const std::string_view text = source_->text;
  begin = std::min(begin, text.size());
  go_to(begin);
  const std::size_t stop = std::max(begin, std::min(end, line_end()));
  std::string_view marked = text.substr(begin, stop - begin);
  while (!marked.empty() && is_break(marked.back()))
    marked.remove_suffix(1);
  const std::size_t length = ascii_ ? marked.size() : count_characters(marked);
  SourceLocation where;
  where.source = source_;
  where.line = static_cast<std::uint32_t>(line_ + 1);
  where.column = static_cast<std::uint32_t>(character_ + 1);
  where.length = static_cast<std::uint32_t>(std::max<std::size_t>(1, length));
  return where;
}

std::size_t Places::byte_column(std::size_t offset) {
  go_to(std::min(offset, source_->text.size()));
  return offset_ - line_begin();
}

std::optional<std::size_t> find_closing_quote(std::string_view text, std::size_t open) {
  const char quote = text[open];
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != '\'')
        return i + 1;
      ++i;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> find_unclosed_quote(std::string_view text, std::size_t from) {
  for (std::size_t i = from; i < text.size();) {
    const char c = text[i];
    const bool opens_entry = (c == '-' || c == '?' || c == ':') && ends_word(text, i + 1);
    if (is_blank(c) || is_break(c) || is_flow_indicator(c) || opens_entry) {
      ++i;
    } else if (c == '#') {
      i = skip_line(text, i);
    } else if (c == '"' || c == '\'') {
      const auto end = find_closing_quote(text, i);
      if (!end)
        return i;
      i = *end;
    } else {
      i = std::max(i + 1, skip_plain(text, i));
    }
  }
  return std::nullopt;
}

std::size_t skip_node_properties(std::string_view text, std::size_t offset) {
  std::size_t i = offset;
  while (i < text.size() && (text[i] == '&' || text[i] == '!')) {
    i = word_end(text, i);
    while (i < text.size() && (is_blank(text[i]) || is_break(text[i]) || text[i] == '#'))
      i = text[i] == '#' ? skip_line(text, i) : i + 1;
  }
  return i < text.size() ? i : offset;
}

std::size_t scalar_end(std::string_view text, std::size_t begin, std::string_view value) {
  if (begin >= text.size())
    return text.size();
  if (text[begin] == '"' || text[begin] == '\'')
    return find_closing_quote(text, begin).value_or(text.size());
  const std::string_view written = text.substr(begin);
  const std::size_t most = std::min(written.size(), value.size());
  const auto differs = std::mismatch(
      written.begin(), written.begin() + static_cast<std::ptrdiff_t>(most), value.begin());
  return begin + static_cast<std::size_t>(differs.first - written.begin());
}

std::size_t flow_end(std::string_view text, std::size_t begin) {
  if (begin >= text.size() || (text[begin] != '[' && text[begin] != '{'))
    return begin + 1;
  std::size_t depth = 0;
  for (std::size_t i = begin; i < text.size() && i - begin < longest_marked_flow; ++i) {
    const char c = text[i];
    if (is_break(c))
      break;
    if ((c == '"' || c == '\'') && i > begin &&
        (is_blank(text[i - 1]) || is_flow_indicator(text[i - 1]))) {
      const auto end =
          find_closing_quote(text.substr(0, std::min(text.size(), begin + longest_marked_flow)), i);
      if (!end)
        break;
      i = *end - 1;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return i + 1;
    }
  }
  return begin + 1;
}

std::size_t line_content_end(std::string_view text, std::size_t begin) {
  std::size_t end = skip_line(text, begin);
  while (end > begin && (is_blank(text[end - 1]) || is_break(text[end - 1])))
    --end;
  return end;
}

std::size_t word_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (!ends_word(text, end) && !is_flow_indicator(text[end]))
    ++end;
  return end;
}

std::size_t null_literal_length(std::string_view text, std::size_t offset) {
  for (const std::string_view literal : {"~", "null", "Null", "NULL"})
    if (text.substr(std::min(offset, text.size()), literal.size()) == literal)
      return literal.size();
  return 0;
}

}  // namespace dstack::config
