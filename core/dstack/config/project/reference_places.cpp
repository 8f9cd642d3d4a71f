#include "dstack/config/project/reference_places.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>

namespace dstack::config {

namespace {

/// The byte offset of a place in its text.
std::size_t offset_of(const SourceLocation& where) {
  const std::string_view line = where.source->line(where.line);
  std::size_t offset = 0;
  for (std::uint32_t column = 1; column < where.column && offset < line.size(); ++column) {
    ++offset;
    while (offset < line.size() && (static_cast<unsigned char>(line[offset]) & 0xC0u) == 0x80)
      ++offset;
  }
  return where.source->line_starts[where.line - 1] + offset;
}

/// The place of byte `offset` of the text that `where` points into.
SourceLocation place_at(const SourceLocation& where, std::size_t offset, std::size_t length) {
  const auto& starts = where.source->line_starts;
  SourceLocation place = where;
  while (place.line < starts.size() && starts[place.line] <= offset)
    ++place.line;
  const std::size_t begin = starts[place.line - 1];
  const std::string_view text = where.source->text;
  place.column =
      static_cast<std::uint32_t>(count_characters(text.substr(begin, offset - begin)) + 1);
  place.length = static_cast<std::uint32_t>(std::max<std::size_t>(1, length));
  return place;
}

}  // namespace

SourceLocation ReferencePlaces::of(const SourceLocation& scalar,
                                   std::size_t index,
                                   std::string_view name) {
  if (!scalar.source || scalar.line == 0 || scalar.line > scalar.source->line_starts.size() ||
      patience_ == 0)
    return scalar;
  const std::string_view text = scalar.source->text;
  std::size_t at = offset_of(scalar);
  const std::size_t line = scalar.source->line_starts[scalar.line - 1];
  if (at >= text.size() || text[at] == '*')  // an alias: what it repeats is elsewhere
    return scalar;
  for (std::size_t seen = 0;; ++seen, at += reference_opening.size()) {
    at = text.find(reference_opening, at);
    if (at == std::string_view::npos)
      return scalar;
    if (seen == index)
      break;
  }
  patience_ -= std::min(patience_, at - line);
  const std::size_t begin = text.find_first_not_of(" \t", at + reference_opening.size());
  if (name.empty() || begin == std::string_view::npos || text.substr(begin, name.size()) != name)
    return place_at(scalar, at, reference_opening.size());
  return place_at(scalar, begin, count_characters(name));
}

}  // namespace dstack::config
