#include "dstack/plan/variables.hpp"

#include "dstack/config/project/variable_values.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace dstack::plan {

namespace {

const std::vector<config::Variable>& scope_named(const config::Variables& variables,
                                                 std::string_view name) {
  static const std::vector<config::Variable> none;
  const auto found = variables.find(name);
  return found == variables.end() ? none : found->second;
}

/// A plan that is only shown has no run yet: a placeholder takes the place of the name.
std::string shown_run_name(const std::string& run_name) {
  return run_name.empty() ? "<run.name>" : run_name;
}

}  // namespace

VariableOrigin ResolvedVariable::origin() const {
  return override ? VariableOrigin{VariableOrigin::Kind::command_line}
                  : VariableOrigin::at(declared->where);
}

std::vector<ResolvedVariable> variables_of(const config::Variables& variables,
                                           std::string_view workflow) {
  static const std::vector<config::Variable> none;
  const auto& own = workflow.empty() ? none : scope_named(variables, workflow);
  const auto& global = scope_named(variables, "global");
  std::vector<ResolvedVariable> resolved;
  resolved.reserve(own.size() + global.size());
  for (const config::Variable& variable : global)
    if (std::none_of(own.begin(), own.end(), [&](const config::Variable& other) {
          return other.name == variable.name;
        }))
      resolved.push_back({&variable, nullptr});
  for (const config::Variable& variable : own)
    resolved.push_back({&variable, nullptr, true});
  return resolved;
}

const VariableOverride* find_override(const std::vector<VariableOverride>& overrides,
                                      std::string_view workflow,
                                      std::string_view name) {
  const auto found =
      std::find_if(overrides.rbegin(), overrides.rend(), [&](const VariableOverride& override) {
        return override.name == name && (!override.workflow || *override.workflow == workflow);
      });
  return found == overrides.rend() ? nullptr : &*found;
}

void apply_overrides(std::vector<ResolvedVariable>& variables,
                     std::string_view workflow,
                     const std::vector<VariableOverride>& overrides) {
  for (ResolvedVariable& variable : variables)
    if (const auto* override = find_override(overrides, workflow, variable.name()))
      variable.override = override;
}

std::vector<Error> replace_references(std::vector<ResolvedVariable>& variables,
                                      const std::string& run_name) {
  const auto refers = [](const ResolvedVariable& variable) {
    return variable.override == nullptr && config::holds_reference(variable.declared->value);
  };
  if (std::none_of(variables.begin(), variables.end(), refers))
    return {};
  std::unordered_map<std::string_view, const ResolvedVariable*> by_name;
  config::VariableValues::Source source;
  for (const ResolvedVariable& variable : variables) {
    by_name.emplace(variable.name(), &variable);
    source.names.push_back(variable.name());
  }
  source.find = [&](std::string_view name) {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second->declared;
  };
  source.given = [&](std::string_view name) -> std::optional<std::string> {
    const VariableOverride* override = by_name.at(name)->override;
    return override == nullptr ? std::nullopt : std::optional(override->value);
  };
  source.run_name = shown_run_name(run_name);
  config::VariableValues values(std::move(source));
  for (ResolvedVariable& variable : variables)
    if (refers(variable))
      variable.replaced = std::make_shared<const std::string>(values.value(*variable.declared));
  return values.errors();
}

const ResolvedVariable* find_variable(const std::vector<ResolvedVariable>& variables,
                                      std::string_view name) {
  for (const ResolvedVariable& variable : variables)
    if (variable.name() == name)
      return &variable;
  return nullptr;
}

config::Scope scope_of(const std::vector<ResolvedVariable>& variables,
                       const std::string& run_name,
                       const std::vector<std::string>& run_arguments) {
  config::Scope scope;
  scope.variable = [&variables](std::string_view name) -> std::optional<std::string> {
    const ResolvedVariable* variable = find_variable(variables, name);
    return variable == nullptr ? std::nullopt : std::optional(variable->value());
  };
  for (const ResolvedVariable& variable : variables)
    scope.variable_names.push_back(variable.name());
  scope.own_variables = [&variables] {
    std::vector<config::NamedValue> own;
    for (const ResolvedVariable& variable : variables)
      if (variable.is_own)
        own.push_back({variable.name(), variable.value()});
    return own;
  };
  scope.run_name = shown_run_name(run_name);
  scope.run_arguments = run_arguments;
  return scope;
}

std::vector<EnvironmentVariable> planned_variables(const std::vector<ResolvedVariable>& variables) {
  std::vector<EnvironmentVariable> planned;
  planned.reserve(variables.size());
  for (const ResolvedVariable& variable : variables)
    planned.push_back({variable.name(), variable.value(), variable.origin()});
  return planned;
}

}  // namespace dstack::plan
