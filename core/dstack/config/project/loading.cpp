#include "dstack/config/project/loading.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <algorithm>
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
  if (key == "root" || key == "defaults")
    return "it belongs in .dstack/workflows.yaml";
  if (std::string meant = did_you_mean(key, {std::string(expected)}); !meant.empty())
    return meant;
  return fmt::format("the key of this file is '{}'; keys of your own begin with 'x-'", expected);
}

/// How many folders up: only `..`, and no more than there are; 0 for anything else.
std::size_t steps_up(const Value& value, const Path& folder) {
  std::size_t steps = 0;
  for (const std::string_view part : split(value.text, '/')) {
    if (part.empty() || part == ".")
      continue;
    if (part != "..")
      return 0;
    ++steps;
  }
  const auto folders = std::distance(folder.begin(), folder.end());  // the root of all among them
  return value.text.starts_with('/') || steps + 1 >= static_cast<std::size_t>(folders) ? 0 : steps;
}

}  // namespace

void RootKey::take(ParsedYaml& file, Project& project) {
  auto& members = file.root.members;
  const auto member = std::find_if(
      members.begin(), members.end(), [](const Member& each) { return each.key == "root"; });
  if (member == members.end())
    return;
  const Member taken = std::move(*member);
  members.erase(member);
  Findings findings(project.findings);
  const std::size_t steps = steps_up(taken.value, project.folder);
  if (first_)
    findings.add("",
                 make_error(ErrorCode::configuration, "'root' is given twice")
                     .at(taken.key_where)
                     .with_hint("the first is at {}; remove one of the two", first_->render()));
  else if (steps == 0)
    findings.add("",
                 make_error(ErrorCode::configuration, "'root' must be a folder above the project's")
                     .at(taken.value.where)
                     .with_hint("write 'root: ..' for the folder that holds the project's, or "
                                "'root: ../..'"));
  for (std::size_t step = 0; step < steps && !first_; ++step) {
    const std::string name = project.root.filename().string();
    project.base = project.base.empty() ? name : fmt::format("{}/{}", name, project.base);
    project.root = project.root.parent_path();
  }
  first_ = taken.key_where;
}

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
