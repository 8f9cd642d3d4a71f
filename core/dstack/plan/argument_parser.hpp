// Parses the arguments after a target's name: options of its provider, variables of the run,
// positional arguments.
#pragma once

#include "dstack/plan/command_line.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/plan/variables.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dstack::plan {

/// The names that the arguments may refer to.
struct Vocabulary {
  enum class Target { workflow, provider, script };

  struct WorkflowVariables {
    std::string_view workflow;  ///< empty for a provider's own run
    const std::vector<ResolvedVariable>* variables = nullptr;
  };

  Target kind = Target::workflow;
  std::string target;
  /// Of the target; null when its provider cannot be used, which is reported elsewhere: then
  /// arguments that are not variables are ignored.
  const provider::Manifest* manifest = nullptr;
  std::vector<WorkflowVariables> run;  ///< every workflow of the run
  const config::Project* project = nullptr;
  const std::vector<std::string>* secrets = nullptr;  ///< names of those that the jobs have
};

struct ParsedArguments {
  PropertySettings settings;
  std::vector<EnvironmentVariable> environment;  ///< of `-e`
  std::vector<VariableOverride> variables;
};

/// `options` are those of the vocabulary's manifest and must outlive the result.
ParsedArguments parse_arguments(
    const Request& request,
    const CommandLine& line,
    const Vocabulary& vocabulary,
    const std::vector<Option>& options,
    const std::function<std::optional<std::string>(const std::string&)>& caller_environment,
    std::vector<Error>& errors);

}  // namespace dstack::plan
