#include "dstack/base/json_fields.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack {

Error json_error(std::string_view what) {
  Error error;
  try {
    throw;
  } catch (const std::exception& problem) {
    error.message = problem.what();
  }
  if (!what.empty())
    error.message = fmt::format("cannot read {}: {}", what, error.message);
  return error;
}

namespace json_fields {

std::string quote(std::string_view key) {
  return "'" + printable(key) + "'";
}

void read_text(const Json& json, std::string_view key, JsonOrigin origin, std::string& text) {
  if (!json.is_string())
    throw JsonProblem(quote(key) + " must be a text");
  text = json.get_ref<const std::string&>();
  if (origin == JsonOrigin::ours)
    return;
  if (text.find('\0') != std::string::npos)
    throw JsonProblem(quote(key) + " contains a NUL character");
  if (find_invalid_utf8(text))
    throw JsonProblem(quote(key) + " is not UTF-8");
}

void read_boolean(const Json& json, std::string_view key, bool& value) {
  if (!json.is_boolean())
    throw JsonProblem(quote(key) + " must be true or false");
  value = json.get<bool>();
}

std::uint64_t read_unsigned(const Json& json, std::string_view key, std::uint64_t most) {
  if (!json.is_number_integer() || (!json.is_number_unsigned() && json.get<std::int64_t>() < 0) ||
      json.get<std::uint64_t>() > most)
    throw JsonProblem(quote(key) + " must be a whole number, 0 or more");
  return json.get<std::uint64_t>();
}

std::int64_t read_signed(const Json& json,
                         std::string_view key,
                         std::int64_t least,
                         std::int64_t most) {
  const bool is_large = json.is_number_unsigned() &&
                        json.get<std::uint64_t>() >
                            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!json.is_number_integer() || is_large || json.get<std::int64_t>() < least ||
      json.get<std::int64_t>() > most)
    throw JsonProblem(quote(key) + " must be a whole number");
  return json.get<std::int64_t>();
}

void no_list(std::string_view key, const Json& element) {
  throw JsonProblem(quote(key) + " must be a list" +
                    (element.is_string()   ? " of texts"
                     : element.is_object() ? " of maps"
                                           : ""));
}

void expect_map(const Json& json, std::string_view subject) {
  if (!json.is_object())
    throw JsonProblem(quote(subject) + " must be a map");
}

void refuse_others(const Json& map,
                   std::string_view subject,
                   const std::vector<std::string>& known) {
  for (const auto& [key, value] : map.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end())
      continue;
    const std::string hint = did_you_mean(key, known);
    throw JsonProblem(quote(subject) + " has the unknown member " + quote(key) +
                      (hint.empty() ? "" : ", " + hint));
  }
}

const Json* find(const Json& map, std::string_view key) {
  const Json* member = json_member(map, key);
  return member == nullptr || member->is_null() ? nullptr : member;
}

void missing(std::string_view key) {
  throw JsonProblem(quote(key) + " is missing");
}

}  // namespace json_fields

}  // namespace dstack
