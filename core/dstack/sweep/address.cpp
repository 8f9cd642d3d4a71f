#include "dstack/sweep/address.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <vector>

namespace dstack::sweep {

namespace {

constexpr std::size_t longest_part = 200;
constexpr std::size_t digest_digits = 16;

bool is_encoded(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '%' || c == '/' || c == ',';
}

std::string encode(std::string_view value) {
  const bool dots = value == "." || value == "..";
  std::string text;
  for (const char c : value) {
    if (dots || is_encoded(c))
      text += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else
      text += c;
  }
  return text;
}

/// `lr=0.1`.
std::string part_of(const std::string& key, std::string_view value) {
  std::string part = fmt::format("{}={}", key, encode(value));
  if (part.size() <= longest_part)
    return part;
  return fmt::format("{}=sha256-{}", key, sha256(value).render().substr(0, digest_digits));
}

std::string join_parts(const Combination& combination, char separator) {
  std::string text;
  for (const auto& [key, value] : combination) {
    if (!text.empty())
      text += separator;
    text += part_of(key, value);
  }
  return text;
}

}  // namespace

std::string render(const Combination& combination) {
  return join_parts(combination, ',');
}

std::string folder_of(const Combination& combination) {
  return join_parts(combination, '/');
}

std::string name_of(std::string_view workflow, const Combination& combination) {
  return combination.empty() ? std::string(workflow)
                             : fmt::format("{}/{}", workflow, render(combination));
}

std::string_view workflow_of(std::string_view name) {
  return name.substr(0, name.find('/'));
}

std::string_view combination_of(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
}

std::string folder_of(std::string_view rendered) {
  std::string folder(rendered);
  std::replace(folder.begin(), folder.end(), ',', '/');
  return folder;
}

Combination parts_of(std::string_view rendered) {
  Combination parts;
  for (const std::string_view part : split(rendered, ','))
    if (const std::size_t equals = part.find('='); equals != std::string_view::npos)
      parts.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  return parts;
}

bool is_meant(std::string_view written, std::string_view rendered, std::size_t number) {
  if (rendered.empty() || written.empty())
    return false;
  if (written == rendered || parse_number<std::size_t>(written) == number)
    return true;
  const std::vector<std::string_view> parts = split(rendered, ',');
  const auto holds = [&](std::string_view wanted) {
    const std::size_t equals = wanted.find('=');
    if (equals == std::string_view::npos)
      return false;
    const std::string encoded =
        part_of(std::string(wanted.substr(0, equals)), wanted.substr(equals + 1));
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
      return part == wanted || part == encoded;
    });
  };
  const std::vector<std::string_view> wanted = split(written, ',');
  return std::all_of(wanted.begin(), wanted.end(), holds);
}

}  // namespace dstack::sweep
