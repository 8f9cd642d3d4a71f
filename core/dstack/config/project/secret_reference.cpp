#include "dstack/config/project/secret_reference.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>

namespace dstack::config {

namespace {

constexpr std::string_view before = "${{ secrets.";
constexpr std::string_view after = " }}";

struct Found {
  std::size_t begin;
  std::size_t end;
  std::string name;
};

std::optional<Found> find_reference(std::string_view text, std::size_t from) {
  for (std::size_t begin = text.find(before, from); begin != std::string_view::npos;
       begin = text.find(before, begin + 1)) {
    const std::size_t name = begin + before.size();
    // No name holds a space: looking further would go through the rest of the text each time.
    const std::size_t end = std::min(text.find(' ', name), text.size());
    const std::string_view between = text.substr(name, end - name);
    if (text.substr(end).starts_with(after) && is_name(between))
      return Found{begin, end + after.size(), std::string(between)};
  }
  return std::nullopt;
}

}  // namespace

std::string secret_reference(std::string_view name) {
  return std::string(before).append(name).append(after);
}

std::optional<std::string> find_written_secret(std::string_view text) {
  for (auto found = next_reference(text, 0); found; found = next_reference(text, found->end))
    if (found->name.starts_with(secret_scope) && is_name(found->name.substr(secret_scope.size())))
      return std::string(found->name.substr(secret_scope.size()));
  return std::nullopt;
}

std::vector<std::string> secrets_in(std::string_view text) {
  std::vector<std::string> names;
  for (auto found = find_reference(text, 0); found; found = find_reference(text, found->end))
    names.push_back(found->name);
  return names;
}

std::string with_secrets(
    std::string_view text,
    const std::function<std::optional<std::string>(const std::string& name)>& value) {
  std::string result;
  std::size_t done = 0;
  for (auto found = find_reference(text, 0); found; found = find_reference(text, found->end)) {
    result += text.substr(done, found->begin - done);
    if (const auto known = value(found->name))
      result += *known;
    else
      result += text.substr(found->begin, found->end - found->begin);
    done = found->end;
  }
  result += text.substr(done);
  return result;
}

}  // namespace dstack::config
