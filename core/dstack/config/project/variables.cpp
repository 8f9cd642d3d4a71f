// Variables files (spec, section 4).
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/job/environment_names.hpp"

#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace dstack::config {

namespace {

constexpr std::string_view global_scope = "global";

/// What an error below a scope concerns: `global` reaches every run.
std::string concerned(std::string_view scope) {
  return scope == global_scope ? std::string() : std::string(scope);
}

/// The elements of a list as one text, if they are few and have no blanks.
std::string as_one_text(const Value& list) {
  constexpr std::size_t most = 8;
  std::vector<std::string> words;
  for (const Value& element : list.elements) {
    if (element.kind != ValueKind::scalar || words.size() == most ||
        element.text.find_first_of(" \t\n\"\\") != std::string::npos)
      return "a b";
    words.push_back(printable(element.text));
  }
  return words.empty() ? "" : join(words, " ");
}

std::string hint_for_several_values(const Member& member) {
  const std::string name = printable(member.key);
  if (member.value.kind == ValueKind::null)
    return fmt::format("write '{}: \"\"' for an empty text", name);
  if (member.value.kind == ValueKind::sequence)
    return fmt::format(
        "a variable becomes one environment variable: write its values as one text, '{}: \"{}\"', "
        "or put the list into a property of the workflow, such as 'args'",
        name,
        as_one_text(member.value));
  std::string first = "key: value";
  if (!member.value.members.empty()) {
    const Member& inner = member.value.members.front();
    first = fmt::format("{}: {}",
                        printable(inner.key),
                        inner.value.kind == ValueKind::scalar ? printable(inner.value.text) : "…");
  }
  return fmt::format(
      "a variable becomes one environment variable: make each member one, as '{}.{}'", name, first);
}

Error not_one_value(const Member& member) {
  return make_error(ErrorCode::configuration,
                    "variable '{}' {}",
                    printable(member.key),
                    member.value.kind == ValueKind::null
                        ? "has no value"
                        : fmt::format("must be a single value, not {}", describe(member.value)))
      .at(member.value.where)
      .with_hint("{}", hint_for_several_values(member));
}

void add_scope(const Member& scope, Project& project, Findings& findings) {
  if (scope.value.kind == ValueKind::null)
    return;
  if (scope.value.kind != ValueKind::mapping) {
    const bool misplaced = scope.value.kind == ValueKind::scalar;
    findings.add(
        concerned(scope.key),
        make_error(ErrorCode::configuration,
                   "'{}' must be a map of variables, not {}",
                   printable(scope.key),
                   describe(scope.value))
            .at(scope.value.where)
            .with_hint(
                "{}",
                misplaced ? "variables belong one level deeper, below a workflow's name or 'global'"
                          : "write 'epochs: 1' below it, for example"));
    return;
  }
  std::vector<Variable>& variables = project.variables[scope.key];
  variables.reserve(scope.value.members.size());
  for (const Member& member : scope.value.members) {
    if (member.value.kind == ValueKind::scalar) {
      variables.push_back({member.key, member.value.text, member.key_where, member.value.where});
      continue;
    }
    findings.add(concerned(scope.key), not_one_value(member));
    // Known all the same: that a reference leads to it is not a second error.
    variables.push_back({member.key, {}, member.key_where, member.value.where});
  }
}

/// What keeps a variable from being set in a job's environment; empty when nothing does.
std::string refusal(const Variable& variable, const std::string& environment, std::string& hint) {
  hint = "choose another name";
  if (!is_name(variable.name)) {
    hint = "a name consists of letters, digits, '.', '_' and '-', and begins with a letter";
    return fmt::format("'{}' is not a valid variable name", printable(variable.name));
  }
  if (variable.name.front() >= '0' && variable.name.front() <= '9') {
    hint = "begin the name with a letter";
    return fmt::format("variable '{}' begins with a digit, which an environment variable cannot",
                       variable.name);
  }
  if (variable.name.rfind("run.", 0) == 0 || variable.name.rfind("secrets.", 0) == 0)
    return fmt::format("'{}' is reserved by dstack", variable.name);
  if (job::is_reserved_environment_name(environment)) {
    hint = job::advice_on_reserved_name(environment);
    return fmt::format(
        "variable '{}' would become {}, which dstack sets itself", variable.name, environment);
  }
  if (job::is_base_environment_name(environment)) {
    hint =
        fmt::format("choose another name; 'environment' in the workflow can set {}", environment);
    return fmt::format("variable '{}' would become {}, which every job inherits from the system",
                       variable.name,
                       environment);
  }
  return {};
}

/// Environment names of a scope's variables, each with the first that has it.
using EnvironmentNames = std::unordered_map<std::string, const Variable*>;

/// Reports what cannot be set, and what collides with another variable of the scope or of `outer`.
EnvironmentNames check_scope(std::string_view scope,
                             const std::vector<Variable>& variables,
                             const EnvironmentNames& outer,
                             Findings& findings) {
  EnvironmentNames names;
  names.reserve(variables.size());
  for (const Variable& variable : variables) {
    const std::string environment = environment_name(variable.name);
    std::string hint;
    if (std::string reason = refusal(variable, environment, hint); !reason.empty()) {
      findings.add(concerned(scope),
                   make_error(ErrorCode::configuration, "{}", reason)
                       .at(variable.where)
                       .with_hint("{}", hint));
      continue;
    }
    const auto [own, is_new] = names.emplace(environment, &variable);
    const auto outside = outer.find(environment);
    const Variable* other = !is_new                  ? own->second
                            : outside != outer.end() ? outside->second
                                                     : nullptr;
    if (other != nullptr && other->name != variable.name)
      findings.add(concerned(scope),
                   make_error(ErrorCode::configuration,
                              "variables '{}' and '{}' would both become {}",
                              other->name,
                              variable.name,
                              environment)
                       .at(variable.where)
                       .with_hint("the other is at {}; rename one of them", other->where.render()));
  }
  return names;
}

void check_scope_name(const VariableScope& scope,
                      const std::vector<std::string>& workflows,
                      Findings& findings) {
  std::string hint = did_you_mean(scope.name, workflows);
  if (hint.empty())
    hint = "variables belong below a workflow's name or 'global'";
  findings.add(
      scope.name,
      make_error(ErrorCode::configuration, "there is no workflow '{}'", printable(scope.name))
          .at(scope.where)
          .with_hint("{}", hint));
}

}  // namespace

std::vector<VariableScope> add_variables(ParsedYaml file, Project& project) {
  Findings findings(project.findings);
  const Value* scopes = read_root(file, "variables", findings);
  for (Error& error : file.errors)
    findings.add("", std::move(error));
  if (scopes == nullptr)
    return {};
  if (scopes->kind != ValueKind::mapping) {
    findings.add(
        "",
        make_error(ErrorCode::configuration, "'variables' must be a map, not {}", describe(*scopes))
            .at(scopes->where)
            .with_hint("its keys are names of workflows and 'global'"));
    return {};
  }
  std::vector<VariableScope> places;
  for (const Member& scope : scopes->members) {
    places.push_back({scope.key, scope.key_where});
    add_scope(scope, project, findings);
  }
  return places;
}

void check_scopes(const std::vector<VariableScope>& scopes, Project& project) {
  Findings findings(project.findings);
  const std::vector<std::string> workflows = project.workflow_names();
  std::unordered_set<std::string_view> known(workflows.begin(), workflows.end());
  known.insert(global_scope);
  std::vector<std::string> candidates = workflows;
  candidates.emplace_back(global_scope);
  std::size_t unknown = 0;
  for (const VariableScope& scope : scopes) {
    if (known.count(scope.name) != 0)
      continue;
    if (unknown++ == most_suggestions)
      candidates.clear();
    check_scope_name(scope, candidates, findings);
  }
}

void check_variables(Project& project) {
  Findings findings(project.findings);
  EnvironmentNames global;
  if (const auto found = project.variables.find(global_scope); found != project.variables.end())
    global = check_scope(global_scope, found->second, {}, findings);
  for (const auto& [scope, variables] : project.variables)
    if (scope != global_scope)
      check_scope(scope, variables, global, findings);
}

}  // namespace dstack::config
