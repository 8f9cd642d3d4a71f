// What a name on the command line means: a workflow, else a provider.
#pragma once

#include "dstack/plan/graph.hpp"
#include "dstack/provider/discovery/registry.hpp"

#include <optional>
#include <string>

namespace dstack::plan {

struct Target {
  std::optional<std::size_t> workflow;  ///< index in the project; else a provider is meant
};

/// ErrorCode::not_found, with a hint on where workflows and providers come from, when it is
/// neither.
Result<Target> find_target(const std::string& name,
                           const WorkflowIndex& workflows,
                           const provider::Registry& providers,
                           const std::optional<SourceLocation>& where);

/// The workflow that `run PROVIDER` stands for: named like the provider, with no properties of its
/// own.
config::Workflow provider_workflow(const std::string& name, const SourceLocation& where);

}  // namespace dstack::plan
