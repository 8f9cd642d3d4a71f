// The values of a property of the type `requirements`: files of packages, and which of their parts
// are meant. Nothing is looked for here.
#include "dstack/base/text.hpp"
#include "dstack/job/requirements_source.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>

namespace dstack::provider {

namespace {

using config::Value;
using config::ValueKind;

/// Of extras and groups; they become part of a text.
bool is_part_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

Json ValueTyper::names(const std::string& name, const Value& value) {
  Json all = list(name, value, &ValueTyper::text);
  const auto check = [&](const Value& one) {
    if (one.kind == ValueKind::scalar && !is_part_name(one.text))
      error(one.where, fmt::format("{} is not the name of one", quoted_excerpt(one.text)));
  };
  check(value);
  for (const Value& element : value.elements)
    check(element);
  return all;
}

Json ValueTyper::requirements_source(const std::string& name, const Value& value) {
  job::RequirementsSource source;
  const std::size_t before = errors_.size();
  if (value.kind == ValueKind::mapping) {
    const Json members = map_of_ours(name,
                                     value,
                                     {{"file", &ValueTyper::path},
                                      {"extras", &ValueTyper::names},
                                      {"groups", &ValueTyper::names},
                                      {"project", &ValueTyper::boolean}});
    if (errors_.size() > before)
      return nullptr;
    source = {json_string(members, "file"),
              json_strings(members, "extras"),
              json_strings(members, "groups"),
              json_boolean(members, "project")};
  } else if (value.kind == ValueKind::scalar) {
    source = job::parse_requirements_source(value.text);
    Value file = value;
    file.text = source.file;
    const Json normal = path(name, file);
    if (normal.is_null())
      return nullptr;
    source.file = normal.get<std::string>();
  }
  if (source.file.empty())
    return error(value.where,
                 "an entry of requirements must be a file or {file: …, extras: …, groups: …}",
                 "such as 'requirements.txt', or {file: pyproject.toml, extras: [gpu]}");
  if (source.has_parts() && !job::may_have_parts(source))
    return error(value.where,
                 fmt::format("'{}' has no extras, groups or project", printable(source.file)),
                 "a pyproject.toml and a uv.lock have them");
  return job::render(source);
}

}  // namespace dstack::provider
