// What a name on the command line means: a workflow, else a provider, else a script.
#pragma once

#include "dstack/plan/graph.hpp"
#include "dstack/provider/discovery/registry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dstack::plan {

struct Target {
  std::optional<std::size_t> workflow;  ///< index in the project; else a provider is meant
  /// The provider of a script, which the name is then the path of (script.hpp); empty: of none.
  std::string_view script_provider = {};
};

/// ErrorCode::not_found, with a hint on where workflows and providers come from, when it is none
/// of them. Whether a script exists is not looked at.
Result<Target> find_target(const std::string& name,
                           const WorkflowIndex& workflows,
                           const provider::Registry& providers,
                           const std::optional<SourceLocation>& where);

/// The workflow that `run PROVIDER` stands for: named like the provider, with no properties of its
/// own.
config::Workflow provider_workflow(const std::string& name, const SourceLocation& where);

}  // namespace dstack::plan
