// What the local jobs of a run are kept from: what their workflows say, and at least what
// `config.yaml` says.
#pragma once

#include "dstack/job/sandbox.hpp"
#include "dstack/plan/draft.hpp"

#include <optional>
#include <vector>

namespace dstack::plan {

/// Sets JobSpec::sandbox of every local job. `required`: the setting; a workflow without one of its
/// own gets it, and one that asks for less is refused. Refused are also a sandbox for a container,
/// and jobs that nobody could reach without a network. After make_jobs().
void settle_sandboxes(Drafts& drafts,
                      const std::optional<job::Sandbox>& required,
                      std::vector<Error>& errors);

}  // namespace dstack::plan
