// The value of a property of type `build`: what an image is made from. Whether the files are there
// is checked with the code (plan/paths.cpp).
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

namespace dstack::provider {

namespace {

using config::Value;
using config::ValueKind;

constexpr const char* usual_file = "Dockerfile";

}  // namespace

Json ValueTyper::build(const std::string& name, const Value& value) {
  Json typed = Json::object();
  if (value.kind == ValueKind::scalar)
    typed["context"] = folder(name, value);
  else if (value.kind == ValueKind::mapping)
    typed = map_of_ours(name,
                        value,
                        {{"context", &ValueTyper::folder},
                         {"dockerfile", &ValueTyper::text},
                         {"args", &ValueTyper::map},
                         {"target", &ValueTyper::text}});
  else
    return wrong(name, value, "a folder, or {context: …, dockerfile: …, args: …, target: …}");
  if (!typed.contains("context"))
    typed["context"] = origins_.base;
  if (typed["context"].is_null())
    return nullptr;
  const std::string written = json_string(typed, "dockerfile", usual_file);
  auto file = resolve_path(typed["context"].get<std::string>(), written);
  if (!file || file->empty())
    return error(value.kind == ValueKind::mapping && value.find("dockerfile") != nullptr
                     ? value.find("dockerfile")->where
                     : value.where,
                 fmt::format("{} is not a file of the project: {}",
                             subject(name + ".dockerfile"),
                             quoted_excerpt(written)),
                 "it is the path of a Dockerfile from 'context'");
  typed["dockerfile"] = *std::move(file);
  return typed;
}

}  // namespace dstack::provider
