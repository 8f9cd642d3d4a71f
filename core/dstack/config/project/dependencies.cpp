// Entries of depends-on, also with other values of the variables.
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <algorithm>
#include <utility>

namespace dstack::config {

namespace {

bool refers_to_variables(const Workflow& workflow) {
  return std::any_of(workflow.depends_on.begin(),
                     workflow.depends_on.end(),
                     [](const Dependency& dependency) { return !dependency.written.empty(); });
}

std::string text_of(const Dependency& dependency) {
  return dependency.tag ? dependency.workflow + ":" + *dependency.tag : dependency.workflow;
}

Result<Dependency> read_again(const Dependency& dependency, const Scope& scope) {
  if (dependency.written.empty())
    return dependency;
  DSTACK_TRY(const Interpolated replaced,
             interpolate(make_scalar(dependency.written, dependency.where), scope));
  DSTACK_TRY(Dependency read, parse_dependency(replaced.value.text, dependency.where));
  read.written = dependency.written;
  return read;
}

void read_again(Workflow& workflow, const Scope& scope, Findings& findings) {
  std::vector<Dependency> read;
  for (const Dependency& dependency : workflow.depends_on) {
    auto again = read_again(dependency, scope);
    if (!again) {
      findings.add_all(workflow.name, std::move(again).error());
      continue;
    }
    const std::string text = text_of(*again);
    if (std::any_of(read.begin(), read.end(), [&](const Dependency& other) {
          return text_of(other) == text;
        }))
      findings.add(workflow.name, dependency_twice(text, dependency.where));
    else
      read.push_back(std::move(*again));
  }
  workflow.depends_on = std::move(read);
}

constexpr const char* dependency_example =
    "write 'download', or 'download:latest' for the artifacts tagged 'latest'";

/// The text of a member that is there; nothing after an error.
std::optional<std::string> member_text(const Member& member,
                                       Findings& findings,
                                       const std::string& workflow) {
  if (member.value.kind == ValueKind::scalar && !member.value.text.empty())
    return member.value.text;
  const bool empty = member.value.kind == ValueKind::null || member.value.kind == ValueKind::scalar;
  findings.add(
      workflow,
      make_error(
          ErrorCode::configuration,
          "{}",
          empty ? fmt::format("'{}' is empty", member.key)
                : fmt::format("'{}' must be a text, not {}", member.key, describe(member.value)))
          .at(member.value.where)
          .with_hint("{}", dependency_example));
  return std::nullopt;
}

}  // namespace

bool is_dependency_map(const Value& entry) {
  return entry.kind == ValueKind::mapping &&
         (entry.find("workflow") != nullptr || entry.find("tag") != nullptr);
}

std::optional<std::string> dependency_text(const Value& map,
                                           Findings& findings,
                                           const std::string& workflow) {
  std::optional<std::string> name;
  std::optional<std::string> tag;
  bool right = true;
  for (const Member& member : map.members) {
    if (member.key == "workflow" || member.key == "tag") {
      auto text = member_text(member, findings, workflow);
      right = right && text;
      (member.key == "tag" ? tag : name) = std::move(text);
      continue;
    }
    right = false;
    std::string hint = did_you_mean(member.key, {"workflow", "tag"});
    findings.add(
        workflow,
        make_error(ErrorCode::configuration, "unknown key '{}'", printable(member.key))
            .at(member.key_where)
            .with_hint("{}", hint.empty() ? "a dependency has 'workflow' and 'tag'" : hint));
  }
  if (!right)
    return std::nullopt;
  if (!name) {
    findings.add(
        workflow,
        make_error(ErrorCode::configuration, "the dependency has a tag, but no 'workflow'")
            .at(map.where)
            .with_hint("a tag belongs to a workflow: write '{{workflow: download, tag: {}}}'",
                       printable(*tag)));
    return std::nullopt;
  }
  return tag ? fmt::format("{}:{}", *name, *tag) : *name;
}

std::string dependency_hint(const Value& entry) {
  if (entry.kind == ValueKind::mapping && entry.members.size() == 1 &&
      entry.members.front().value.kind == ValueKind::scalar)
    return fmt::format(
        "write '{}', without the space",
        printable(entry.members.front().key + ":" + entry.members.front().value.text));
  return dependency_example;
}

Error dependency_twice(const std::string& text, const SourceLocation& where) {
  return make_error(ErrorCode::configuration, "duplicate entry '{}' in 'depends-on'", text)
      .at(where)
      .with_hint("remove one of the two");
}

Result<Dependency> parse_dependency(std::string_view text, const SourceLocation& where) {
  const std::size_t colon = text.find(':');
  Dependency dependency;
  dependency.workflow = text.substr(0, colon);
  dependency.where = where;
  if (!is_name(dependency.workflow))
    return fail(make_error(ErrorCode::configuration,
                           "'{}' is not a valid workflow name",
                           printable(dependency.workflow))
                    .at(where)
                    .with_hint("{}",
                               text.find_first_of("./") == std::string_view::npos
                                   ? std::string(dependency_example)
                                   : fmt::format("'depends-on' takes workflows; a file that is not "
                                                 "code is named by 'inputs: [{}]'",
                                                 printable(text))));
  if (colon == std::string_view::npos)
    return dependency;
  dependency.tag = std::string(text.substr(colon + 1));
  if (dependency.tag->empty())
    return fail(make_error(ErrorCode::configuration, "missing tag after '{}'", text)
                    .at(where)
                    .with_hint("write '{}:latest', or '{}' to run it first",
                               dependency.workflow,
                               dependency.workflow));
  if (!is_name(*dependency.tag))
    return fail(make_error(ErrorCode::configuration,
                           "'{}' is not a valid tag name",
                           printable(*dependency.tag))
                    .at(where)
                    .with_hint("a name consists of letters, digits, '.', '_' and '-', and begins "
                               "with a letter or digit"));
  return dependency;
}

std::optional<Project> with_other_values(const Project& project, const OtherValues& values) {
  if (std::none_of(project.workflows.begin(), project.workflows.end(), refers_to_variables))
    return std::nullopt;
  Project changed = project;
  std::erase_if(changed.findings,
                [](const Finding& finding) { return finding.about_dependencies; });
  Findings findings(changed.findings);
  for (Workflow& workflow : changed.workflows) {
    if (!refers_to_variables(workflow))
      continue;
    read_again(workflow, file_scope(project, workflow.name, values), findings);
  }
  check_references(changed);
  return changed;
}

}  // namespace dstack::config
