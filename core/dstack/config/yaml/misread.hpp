// What YAML makes of a text that was written without quotes, and how to write it instead. For
// messages: nothing here decides whether a text is right.
#pragma once

#include "dstack/config/yaml/value.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::config {

/// What is written for one value on its line: all of it, as somebody means it who does not think of
/// YAML. Offsets in bytes.
struct WrittenEntry {
  std::size_t begin = 0;
  std::size_t end = 0;   ///< of the line, without a comment and blanks
  bool in_list = false;  ///< a `- ` is before it
};

enum class EntryBegin {
  after_key,   ///< of `name: x`, and of `- name: x`, the entry is `x`
  before_key,  ///< … all of it
};

/// The entry on the line that holds `offset`.
WrittenEntry entry_of_line(std::string_view text,
                           std::size_t offset,
                           EntryBegin begin = EntryBegin::after_key);

/// Whether a text without quotes, of which `written` begins behind its first line, was written as
/// several lines of their own: `rest` is what YAML made of them, joined with blanks. Lines that go
/// on end with a backslash, an operator or an open bracket, or begin with an option.
bool joins_lines(std::string_view first, std::string_view written, std::string_view rest);

/// "put the whole in quotes: '…'; or write it on a line of its own below '|'". Without the text
/// where it is empty or long.
std::string quoting_hint(std::string_view written);

/// For a value that is no text where one was expected: which sign of YAML made it so, and how to
/// write the text. Empty where it looks as if it was meant to be a list or a map.
std::string explain_misread(const Value& value);

/// For a text that is wrong because a quote in it is not closed: which sign of YAML ended it too
/// early. Empty when none did.
std::string explain_cut(const Value& value);

}  // namespace dstack::config
