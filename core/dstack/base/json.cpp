#include "dstack/base/json.hpp"

#include "dstack/base/json_builder.hpp"

namespace dstack {

Result<Json> parse_json(std::string_view text, std::string_view what) {
  return build_json(text, what, deepest_json, Repeated::last_counts, ErrorCode::internal);
}

std::string render_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string render_json_pretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

const Json* json_member(const Json& object, std::string_view name) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string json_string(const Json& object, std::string_view name, std::string fallback) {
  const Json* member = json_member(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>()
                                                  : std::move(fallback);
}

std::int64_t json_integer(const Json& object, std::string_view name, std::int64_t fallback) {
  const Json* member = json_member(object, name);
  return member != nullptr && member->is_number_integer() ? member->get<std::int64_t>() : fallback;
}

bool json_boolean(const Json& object, std::string_view name, bool fallback) {
  const Json* member = json_member(object, name);
  return member != nullptr && member->is_boolean() ? member->get<bool>() : fallback;
}

std::vector<std::string> json_strings(const Json& object, std::string_view name) {
  std::vector<std::string> strings;
  const Json* member = json_member(object, name);
  if (member != nullptr && member->is_array())
    for (const Json& element : *member)
      if (element.is_string())
        strings.push_back(element.get<std::string>());
  return strings;
}

}  // namespace dstack
