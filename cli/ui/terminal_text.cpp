#include "ui/terminal_text.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <utility>

namespace dstack::ui {

namespace {

constexpr char escape = '\033';
/// Longer than any sequence that sets colours.
constexpr std::size_t longest_sequence = 64;

bool is_parameter(char c) {
  return c >= 0x20 && c <= 0x3F;
}

bool is_final(char c) {
  return c >= 0x40 && c <= 0x7E;
}

/// A whole sequence that begins with ESC [ at `at`, up to its last byte; 0 when there is none.
std::size_t sequence_size(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\033[")
    return 0;
  std::size_t end = at + 2;
  const std::size_t limit = std::min(text.size(), at + longest_sequence);
  while (end < limit && is_parameter(text[end]))
    ++end;
  return end < limit && is_final(text[end]) ? end + 1 - at : 0;
}

/// Where a last incomplete sequence or character begins; the end when there is none.
std::size_t complete_size(std::string_view text) {
  const std::size_t from = text.size() - std::min(text.size(), longest_sequence);
  const std::size_t at = text.rfind(escape);
  if (at != std::string_view::npos && at >= from && sequence_size(text, at) == 0) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.empty() || (rest[0] == '[' && std::all_of(rest.begin() + 1, rest.end(), is_parameter)))
      return at;
  }
  return whole_characters(text);
}

/// One of these final bytes, without intermediate bytes that change its meaning.
bool is_one_of(std::string_view finals, std::string_view sequence) {
  return finals.find(sequence.back()) != std::string_view::npos &&
         sequence.find_first_not_of("0123456789;:", 2) == sequence.size() - 1;
}

constexpr std::string_view colours = "m";
/// Erasing in the line and the display, and relative cursor movements.
constexpr std::string_view progress_bars = "mKJABCDEFG";

bool stays_plain(char c) {
  return c == '\n' || c == '\r' || c == '\b';
}

}  // namespace

std::string TerminalText::take(std::string_view bytes) {
  const std::string text = std::exchange(held_, {}).append(bytes);
  const std::size_t end = complete_size(text);
  held_ = text.substr(end);
  return sanitize(std::string_view(text).substr(0, end));
}

std::string TerminalText::finish() {
  return sanitize(std::exchange(held_, {}));
}

std::string TerminalText::sanitize(std::string_view text) const {
  const bool may_move = moves_ == Moves::progress_bars;
  std::string result;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = sequence_size(text, at);
    const bool passes = text[at] == '\t' || (may_move && stays_plain(text[at]));
    if (size == 0 && !passes) {
      ++at;
      continue;
    }
    result += printable(text.substr(begin, at - begin));
    const std::string_view sequence = text.substr(at, std::max<std::size_t>(1, size));
    if (passes || is_one_of(may_move ? progress_bars : colours, sequence))
      result += sequence;
    at += sequence.size();
    begin = at;
  }
  return result + printable(text.substr(begin));
}

std::size_t whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte >= 0xC0) {
      const std::size_t size = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
      return back < size ? text.size() - back : text.size();
    }
    if (byte < 0x80)
      break;
  }
  return text.size();
}

}  // namespace dstack::ui
