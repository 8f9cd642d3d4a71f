#include "dstack/config/project/loading.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <utility>

namespace dstack::config {

void Findings::add_all(const std::string& workflow, Error error) {
  for (Error& each : flatten(std::move(error)))
    add(workflow, std::move(each));
}

bool is_private_key(std::string_view key) {
  return key.substr(0, 2) == "x-";
}

namespace {

std::string hint_for_root_key(std::string_view key, std::string_view expected) {
  if (key == "variables" && expected == "workflows")
    return "variables belong in their own file, .dstack/variables.yaml";
  if (key == "workflows" && expected == "variables")
    return "workflows belong in their own file, .dstack/workflows.yaml";
  if (key == "name" || key == "provider" || key == "depends-on")
    return "it belongs to a workflow: indent it by as much as the other keys of its entry";
  if (std::string meant = did_you_mean(key, {std::string(expected)}); !meant.empty())
    return meant;
  return fmt::format("the key of this file is '{}'; keys of your own begin with 'x-'", expected);
}

}  // namespace

Value* read_root(ParsedYaml& file, std::string_view expected, Findings& findings) {
  Value& root = file.root;
  if (root.kind == ValueKind::null)
    return nullptr;
  if (root.kind != ValueKind::mapping) {
    findings.add("",
                 make_error(ErrorCode::configuration,
                            "the file must be a map with the key '{}', not {}",
                            expected,
                            describe(root))
                     .at(root.where)
                     .with_hint("begin it with '{}:'", expected));
    return nullptr;
  }
  Value* found = nullptr;
  bool has_unknown_keys = false;
  for (Member& member : root.members) {
    if (member.key == expected) {
      found = &member.value;
    } else if (!is_private_key(member.key)) {
      has_unknown_keys = true;
      findings.add("",
                   make_error(ErrorCode::configuration, "unknown key '{}'", printable(member.key))
                       .at(member.key_where)
                       .with_hint("{}", hint_for_root_key(member.key, expected)));
    }
  }
  // An unknown key is most likely the missing one, misspelt.
  if (found == nullptr && !has_unknown_keys)
    findings.add("",
                 make_error(ErrorCode::configuration, "the file has no key '{}'", expected)
                     .at(root.where)
                     .with_hint("add '{}:'", expected));
  return found != nullptr && found->kind == ValueKind::null ? nullptr : found;
}

}  // namespace dstack::config
