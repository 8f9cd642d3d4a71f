#include "dstack/config/project/loading.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <utility>

namespace dstack::config {

void Findings::add(std::string workflow,
                   std::string message,
                   SourceLocation where,
                   std::string hint) {
  add(std::move(workflow),
      configuration_error(std::move(message), std::move(where), std::move(hint)));
}

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
    return "variables stand in a file of their own, .dstack/variables.yaml";
  if (key == "workflows" && expected == "variables")
    return "workflows stand in a file of their own, .dstack/workflows.yaml";
  if (key == "name" || key == "provider" || key == "depends-on")
    return "it belongs to a workflow: indent it by as much as the other keys of its entry";
  if (std::string meant = did_you_mean(key, {std::string(expected)}); !meant.empty())
    return meant;
  return "this file has the key '" + std::string(expected) + "'; keys of your own begin with 'x-'";
}

}  // namespace

Value* read_root(ParsedYaml& file, std::string_view expected, Findings& findings) {
  Value& root = file.root;
  if (root.kind == ValueKind::null)
    return nullptr;
  if (root.kind != ValueKind::mapping) {
    findings.add("",
                 "the file must be a map with the key '" + std::string(expected) + "', not " +
                     std::string(describe(root)),
                 root.where,
                 "begin it with '" + std::string(expected) + ":'");
    return nullptr;
  }
  Value* found = nullptr;
  bool strangers = false;
  for (Member& member : root.members) {
    if (member.key == expected) {
      found = &member.value;
    } else if (!is_private_key(member.key)) {
      strangers = true;
      findings.add("",
                   "unknown key '" + printable(member.key) + "'",
                   member.key_where,
                   hint_for_root_key(member.key, expected));
    }
  }
  // A stranger is most likely the missing key, misspelt.
  if (found == nullptr && !strangers)
    findings.add("",
                 "the file has no key '" + std::string(expected) + "'",
                 root.where,
                 "add '" + std::string(expected) + ":'");
  return found != nullptr && found->kind == ValueKind::null ? nullptr : found;
}

}  // namespace dstack::config
