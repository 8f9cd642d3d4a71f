#include "dstack/run/runner/application_address.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

#include <fcntl.h>

namespace dstack::run {

namespace {

constexpr std::size_t longest_address = 2048;

/// What a path has without escapes, and `%` for these.
bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/-._~!$&()*+,;=:@%").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<ApplicationAddress> parse_application_address(std::string_view text) {
  text = trim(text);
  ApplicationAddress address;
  if (text.starts_with("https://"))
    address.scheme = "https";
  else if (!text.starts_with("http://"))
    return std::nullopt;
  text.remove_prefix(address.scheme.size() + 3);
  text.remove_prefix(std::min(text.find('/'), text.size()));
  while (text.ends_with('/'))
    text.remove_suffix(1);
  // People write a folder's name there as it is: `mein büro`.
  for (const char c : text) {
    const bool is_escaped = c == ' ' || static_cast<signed char>(c) < 0;
    if (!is_escaped && !is_path_character(c))
      return std::nullopt;
    address.base +=
        is_escaped ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return address;
}

std::optional<ApplicationAddress> read_application_address(const Path& private_folder,
                                                           std::size_t port) {
  // Not blocking: the job may have put anything there.
  const auto file = open_file((private_folder / fmt::format("address_{}", port)).string(),
                              O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (!file)
    return std::nullopt;
  std::string text(longest_address, '\0');
  const auto count = read_some(file->get(), text.data(), text.size());
  if (!count || *count == longest_address)
    return std::nullopt;
  text.resize(*count);
  return parse_application_address(text);
}

}  // namespace dstack::run
