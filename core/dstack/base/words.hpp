// Words of a text: names of variables in a program, in a log.
#pragma once

#include <string_view>

namespace dstack {

/// A letter, a digit or '_'.
bool is_word_part(char c);
/// Whether it occurs in the text, and is not a part of a longer word there.
bool has_word(std::string_view text, std::string_view word);

}  // namespace dstack
