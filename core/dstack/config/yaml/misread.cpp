#include "dstack/config/yaml/misread.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/yaml/places.hpp"

#include <algorithm>
#include <optional>

namespace dstack::config {

namespace {

constexpr std::size_t longest_example = 100;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// A blank, or the end of the line.
bool ends_sign(std::string_view text, std::size_t offset) {
  return offset >= text.size() || is_blank(text[offset]) || text[offset] == '\n' ||
         text[offset] == '\r';
}

std::size_t skip_blanks(std::string_view text, std::size_t offset) {
  while (offset < text.size() && is_blank(text[offset]))
    ++offset;
  return offset;
}

std::size_t begin_of_line(std::string_view text, std::size_t offset) {
  const std::size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

bool is_part_of_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

/// After `name: ` at `offset`, when a value follows it on the line.
std::size_t skip_key(std::string_view text, std::size_t offset) {
  std::size_t at = offset;
  while (at < text.size() && is_part_of_key(text[at]))
    ++at;
  if (at == offset || at >= text.size() || text[at] != ':' || !ends_sign(text, at + 1))
    return offset;
  const std::size_t value = skip_blanks(text, at + 1);
  return value < line_content_end(text, offset) ? value : offset;
}

/// Where the comment after an entry begins; a `#` inside of quotes, as a shell sees them, is none.
std::size_t end_before_comment(std::string_view text, std::size_t begin, std::size_t end) {
  char quote = 0;
  for (std::size_t at = begin; at < end; ++at) {
    const char c = text[at];
    if (c == '#' && quote == 0 && at > begin && is_blank(text[at - 1]))
      return line_content_end(text.substr(0, at), begin);
    if (quote == 0 ? c == '"' || c == '\'' : c == quote)
      quote = quote == 0 ? c : '\0';
  }
  return end;
}

/// As YAML reads back exactly this text.
std::string in_quotes(std::string_view text) {
  if (text.find('\'') == std::string_view::npos)
    return fmt::format("'{}'", text);
  if (text.find_first_of("\"\\") == std::string_view::npos)
    return fmt::format("\"{}\"", text);
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

/// The byte `characters` after the beginning of a line.
std::size_t after_characters(std::string_view text, std::size_t begin, std::size_t characters) {
  std::size_t at = begin;
  for (; at < text.size() && characters > 0; --characters)
    for (++at; at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80;)
      ++at;
  return at;
}

/// The text that a place points into, and the offset of the place; nothing when it has no text.
struct Spot {
  std::string_view text;
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::optional<Spot> spot_of(const SourceLocation& where) {
  if (!where.source || where.line == 0 || where.line > where.source->line_starts.size())
    return std::nullopt;
  const std::string_view text = where.source->text;
  const std::size_t line = where.source->line_starts[where.line - 1];
  const std::size_t begin = after_characters(text, line, where.column - 1);
  return Spot{text, begin, after_characters(text, begin, where.length)};
}

/// Whether only the `- ` of lists stand between the two.
bool is_dashes(std::string_view text, std::size_t begin, std::size_t end) {
  return begin < end &&
         text.substr(begin, end - begin).find_first_not_of(" \t-") == std::string_view::npos;
}

/// All that is written for the value, where it has its line for itself: not inside of a flow list.
std::string_view written_for(const Spot& spot) {
  for (const EntryBegin begin : {EntryBegin::before_key, EntryBegin::after_key})
    if (const WrittenEntry entry = entry_of_line(spot.text, spot.begin, begin);
        entry.begin == spot.begin || is_dashes(spot.text, spot.begin, entry.begin))
      return spot.text.substr(spot.begin, entry.end - spot.begin);
  return {};
}

/// What other runners call the command of a step.
bool is_key_of_a_command(std::string_view key) {
  constexpr std::string_view keys[] = {"run", "cmd", "command", "script", "sh", "shell", "bash"};
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

std::string explain_map(const Value& value, const Spot& spot) {
  if (spot.text.substr(spot.begin, 2) == "{{")
    return {};  // a reference without its '$', which is reported where it is read
  if (spot.text.substr(spot.begin, 1) == "{")
    return fmt::format("'{{' makes a map of it; {}", quoting_hint(written_for(spot)));
  if (value.members.size() != 1)
    return {};
  const Member& only = value.members.front();
  if (only.value.kind == ValueKind::scalar && is_key_of_a_command(only.key))
    return fmt::format("write what is after '{}:' alone", only.key);
  const bool one_line =
      only.value.kind == ValueKind::null || only.value.where.line == value.where.line;
  if (!one_line)
    return {};
  return fmt::format("{} makes a map of it; {}",
                     only.value.kind == ValueKind::null ? "the ':' at its end" : "': ' in it",
                     quoting_hint(written_for(spot)));
}

std::string explain_null(const Spot& spot) {
  const std::size_t after = skip_blanks(spot.text, spot.begin + 1);
  if (spot.text.substr(spot.begin, 1) != "-")
    return {};
  if (spot.text.substr(after, 1) == "#")
    return fmt::format(
        "'#' begins a comment; {}",
        quoting_hint(spot.text.substr(after, line_content_end(spot.text, after) - after)));
  return "remove the '-', or write a text after it";
}

}  // namespace

WrittenEntry entry_of_line(std::string_view text, std::size_t offset, EntryBegin begin) {
  offset = std::min(offset, text.size());
  WrittenEntry entry;
  entry.begin = skip_blanks(text, begin_of_line(text, offset));
  while (entry.begin < text.size() && text[entry.begin] == '-' &&
         ends_sign(text, entry.begin + 1) &&
         skip_blanks(text, entry.begin + 1) < line_content_end(text, entry.begin)) {
    entry.begin = skip_blanks(text, entry.begin + 1);
    entry.in_list = true;
  }
  if (begin == EntryBegin::after_key) {
    const std::size_t value = skip_key(text, entry.begin);
    entry.in_list = entry.in_list && value == entry.begin;
    entry.begin = value;
  }
  entry.end = end_before_comment(text, entry.begin, line_content_end(text, entry.begin));
  return entry;
}

std::string quoting_hint(std::string_view written) {
  if (written.empty() || written.size() > longest_example)
    return "put the whole in quotes, or write it on a line of its own below '|'";
  return fmt::format("put the whole in quotes: {}; or write it on a line of its own below '|'",
                     printable(in_quotes(written)));
}

std::string explain_misread(const Value& value) {
  const auto spot = spot_of(value.where);
  if (!spot || spot->text.substr(spot->begin, 1) == "*")
    return {};  // what an alias stands for was meant as it is
  switch (value.kind) {
    case ValueKind::mapping:
      return explain_map(value, *spot);
    case ValueKind::sequence:
      if (spot->text.substr(spot->begin, 1) == "[")
        return fmt::format("'[' makes a list of it; {}", quoting_hint(written_for(*spot)));
      return fmt::format("'- ' makes a list of it; {}", quoting_hint(written_for(*spot)));
    case ValueKind::null:
      return explain_null(*spot);
    case ValueKind::scalar:
      break;
  }
  return {};
}

std::string explain_cut(const Value& value) {
  const auto spot = spot_of(value.where);
  if (!spot || value.quoted || value.kind != ValueKind::scalar)
    return {};
  const std::string_view rest = spot->text.substr(
      spot->end, std::max(line_content_end(spot->text, spot->end), spot->end) - spot->end);
  const std::string_view next = trim(rest);
  if (next.starts_with('#') && rest.size() > next.size())
    return fmt::format("' #' begins a comment, which ends it; {}",
                       quoting_hint(written_for(*spot)));
  if (next.starts_with(','))
    return fmt::format("',' ends it inside [ ] and {{ }}; {}", quoting_hint({}));
  return {};
}

bool joins_lines(std::string_view first, std::string_view written, std::string_view rest) {
  std::string_view before = trim(first);
  rest = trim(rest);
  while (!rest.empty()) {
    const std::size_t line_end = written.find('\n');
    const std::string_view line = trim(written.substr(0, line_end));
    if (line_end == std::string_view::npos && line.empty())
      return false;
    written =
        line_end == std::string_view::npos ? std::string_view() : written.substr(line_end + 1);
    if (line.empty() || !rest.starts_with(line))
      continue;
    constexpr std::string_view open_ends = "\\|&,({[=";
    const bool goes_on =
        line.front() == '-' || line.front() == '|' || line.front() == '&' ||
        (!before.empty() && open_ends.find(before.back()) != std::string_view::npos);
    if (!goes_on)
      return true;
    before = line;
    rest = trim(rest.substr(line.size()));
  }
  return false;
}

}  // namespace dstack::config
