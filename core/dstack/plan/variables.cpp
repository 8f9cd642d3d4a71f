#include "dstack/plan/variables.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

const std::vector<config::Variable>& scope_named(const config::Variables& variables,
                                                 std::string_view name) {
  static const std::vector<config::Variable> none;
  const auto found = variables.find(name);
  return found == variables.end() ? none : found->second;
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
    resolved.push_back({&variable, nullptr});
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
  // A plan that is only shown has no run yet: a placeholder takes the place of the name.
  scope.run_name = run_name.empty() ? "<run.name>" : run_name;
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
