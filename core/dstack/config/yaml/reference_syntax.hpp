// The syntax of `${{ name }}` in what people write. What the names mean: interpolation.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace dstack::config {

inline constexpr std::string_view reference_opening = "${{";

struct Reference {
  enum class Kind {
    named,
    literal,   ///< `$${{`, for a text that is to hold `${{`
    unclosed,  ///< no `}}` comes after it
  };

  Kind kind = Kind::named;
  std::size_t begin = 0;  ///< byte offset in the text
  std::size_t end = 0;    ///< after it; of an unclosed one, the end of the text
  std::string_view name;  ///< between the braces, without spaces around it; may be invalid
};

/// Whether there is any, whatever its kind.
bool holds_reference(std::string_view text);
/// The first that begins at or after `from`: 0, or the end of the one before.
std::optional<Reference> next_reference(std::string_view text, std::size_t from);

}  // namespace dstack::config
