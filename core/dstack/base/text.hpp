// Small functions over text: UTF-8, quoting, lists for messages.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack {

/// Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no
/// overlong forms).
std::optional<std::size_t> find_invalid_utf8(std::string_view text);
/// Characters (code points); a malformed byte counts as one.
std::size_t count_characters(std::string_view text);
/// Cells that a terminal needs (wide East Asian characters take two, combining marks none).
std::size_t display_width(std::string_view text);
/// Control characters, escapes and bidirectional overrides shown as visible text, so that a name
/// cannot drive the terminal.
std::string printable(std::string_view text);
/// The same for a text of several lines, each but the first after `indent`.
std::string printable_lines(std::string_view text, std::string_view indent);

/// A word that a POSIX shell reads back as exactly these bytes.
std::string shell_quote(std::string_view word);
std::string shell_join(const std::vector<std::string>& words);
/// Splits as a POSIX shell would, without expanding anything; nothing when a quote is left open.
std::optional<std::vector<std::string>> shell_split(std::string_view line);

/// The whole text as one decimal integer; nothing when it is anything else, or does not fit.
template <typename Integer>
std::optional<Integer> parse_number(std::string_view text) {
  Integer number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// `'a', 'b' and 'c'`, for messages; `most` at the most, then "and 7 more".
std::string quoted_list(const std::vector<std::string>& names, std::size_t most = 8);
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);
/// "1 file", "2 files".
std::string plural(std::size_t count, std::string_view singular);

/// Names of workflows, tags, secrets and variables: `[A-Za-z0-9][A-Za-z0-9._-]*`.
bool is_name(std::string_view text);
/// The environment variable of a variable: upper case, everything but A-Z 0-9 becomes `_`.
std::string environment_name(std::string_view variable);

/// `bytes` lower-case hexadecimal digits of randomness from the kernel, two per byte.
std::string random_hex(std::size_t bytes);

}  // namespace dstack
