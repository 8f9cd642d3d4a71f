#include "dstack/base/shell_variable.hpp"

namespace dstack {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_part(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

/// From `from` on; `at` becomes its place. Empty: there is none.
std::string_view next(std::string_view text, std::size_t from, std::size_t& at) {
  for (at = text.find('$', from); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const bool brace = at + 1 < text.size() && text[at + 1] == '{';
    const std::size_t begin = at + 1 + (brace ? 1 : 0);
    if (begin >= text.size() || !is_letter(text[begin]))
      continue;
    std::size_t end = begin;
    while (end < text.size() && is_part(text[end]))
      ++end;
    if (brace && end < text.size() && text[end] == '}')
      ++end;
    return text.substr(at, end - at);
  }
  return {};
}

}  // namespace

std::string find_shell_variable(std::string_view text) {
  std::size_t at = 0;
  return std::string(next(text, 0, at));
}

std::string find_shell_variable(std::string_view text, std::string_view name) {
  std::size_t at = 0;
  for (auto found = next(text, 0, at); !found.empty(); found = next(text, at + 1, at))
    if (name_of_shell_variable(found) == name)
      return std::string(found);
  return {};
}

std::string replace_shell_variables(
    std::string_view text,
    const std::function<std::optional<std::string>(std::string_view name, char before)>&
        replacement) {
  std::string result;
  std::size_t done = 0;
  std::size_t at = 0;
  for (auto found = next(text, 0, at); !found.empty(); found = next(text, at + 1, at))
    if (const auto value =
            replacement(name_of_shell_variable(found), at == 0 ? '\0' : text[at - 1])) {
      result += text.substr(done, at - done);
      result += *value;
      done = at + found.size();
    }
  result += text.substr(done);
  return result;
}

std::string_view name_of_shell_variable(std::string_view reference) {
  reference.remove_prefix(reference.starts_with("${") ? 2 : 1);
  return reference.ends_with('}') ? reference.substr(0, reference.size() - 1) : reference;
}

std::string unexpanded_word(std::string_view path) {
  if (path.starts_with('~'))
    return "~";
  if (const std::size_t at = path.find("$("); at != std::string_view::npos)
    return std::string(path.substr(at, path.find(')', at) - at + 1));
  return find_shell_variable(path);
}

}  // namespace dstack
