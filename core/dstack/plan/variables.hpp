// The variables of each workflow of a run, with the overrides of the command line (spec, section
// 4).
#pragma once

#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/plan/plan.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::plan {

/// `--epochs 3`, or with a workflow `--train.epochs 3`.
struct VariableOverride {
  std::optional<std::string> workflow;
  std::string name;
  std::string value;

  bool operator==(const VariableOverride&) const = default;
};

/// A declared variable as one workflow sees it. Refers to the project and to the overrides; owns
/// little, because a run may have ten thousand workflows that share the global ones.
struct ResolvedVariable {
  const config::Variable* declared = nullptr;
  const VariableOverride* override = nullptr;
  bool is_own = false;  ///< of the workflow, not a global one
  /// The declared value where it refers to other variables, with theirs.
  std::shared_ptr<const std::string> replaced = {};

  const std::string& name() const { return declared->name; }

  const std::string& value() const {
    return override ? override->value : replaced ? *replaced : declared->value;
  }

  VariableOrigin origin() const;
};

/// Global variables that the workflow does not hide, then its own. An empty name gives the global
/// ones.
std::vector<ResolvedVariable> variables_of(const config::Variables& variables,
                                           std::string_view workflow);
/// The last override that holds for a variable of a workflow; null where there is none.
const VariableOverride* find_override(const std::vector<VariableOverride>& overrides,
                                      std::string_view workflow,
                                      std::string_view name);
/// Points each variable that an override of this workflow names to the last such override.
void apply_overrides(std::vector<ResolvedVariable>& variables,
                     std::string_view workflow,
                     const std::vector<VariableOverride>& overrides);
/// Replaces `${{ name }}` in the values of the files, with what the overrides say. Errors are those
/// that the values of the command line cause, and those of the files, which are findings of the
/// project already.
std::vector<Error> replace_references(std::vector<ResolvedVariable>& variables,
                                      const std::string& run_name);
const ResolvedVariable* find_variable(const std::vector<ResolvedVariable>& variables,
                                      std::string_view name);
/// The scope of `${{ … }}`. Refers to `variables`.
config::Scope scope_of(const std::vector<ResolvedVariable>& variables,
                       const std::string& run_name,
                       const std::vector<std::string>& run_arguments);
/// As the plan records them: by their own names, with their origins.
std::vector<EnvironmentVariable> planned_variables(const std::vector<ResolvedVariable>& variables);

}  // namespace dstack::plan
