// The value of `sandbox`: a level, or a map. Paths are anywhere on this machine; nothing is looked
// for here.
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/sandbox.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

namespace dstack::provider {

using config::Value;
using config::ValueKind;

Json ValueTyper::sandbox(const std::string& name, const Value& value) {
  if (value.kind == ValueKind::scalar) {
    Json level = sandbox_level(name, value);
    return level.is_null() ? Json() : Json{{"level", std::move(level)}};
  }
  if (value.kind == ValueKind::sequence)
    return wrong(name, value, "files, strict, or a map of 'level', 'read', 'write' and 'network'");
  Json typed = map_of_ours(name,
                           value,
                           {{"level", &ValueTyper::sandbox_level},
                            {"read", &ValueTyper::opened_paths},
                            {"write", &ValueTyper::opened_paths},
                            {"network", &ValueTyper::sandbox_network}});
  if (typed.is_object() && !typed.contains("level"))
    typed["level"] = job::render(job::SandboxLevel::files);
  return typed;
}

Json ValueTyper::sandbox_level(const std::string& name, const Value& value) {
  if (value.kind == ValueKind::scalar && job::parse_sandbox_level(value.text))
    return value.text;
  return wrong(
      name,
      value,
      "files or strict",
      value.kind == ValueKind::scalar ? did_you_mean(value.text, {"files", "strict"}) : "");
}

Json ValueTyper::sandbox_network(const std::string& name, const Value& value) {
  if (value.kind == ValueKind::scalar && job::parse_sandbox_network(value.text))
    return value.text;
  return wrong(name,
               value,
               "none or host",
               value.kind == ValueKind::scalar ? did_you_mean(value.text, {"none", "host"}) : "");
}

Json ValueTyper::opened_paths(const std::string& name, const Value& value) {
  return each(name, value, &ValueTyper::opened_path);
}

Json ValueTyper::opened_path(const std::string& name, const Value& value) {
  Json path = anywhere(name, value);
  if (path.is_string() && !path.get_ref<const std::string&>().starts_with('/'))
    return error(
        value.where,
        fmt::format("{} is not an absolute path: {}", subject(name), quoted_excerpt(value.text)),
        "the job has what is in the project anyway; name what lies elsewhere, such as "
        "'/data'");
  return path;
}

}  // namespace dstack::provider
