// `dstack restart`: a new run from the order of an earlier one.
#pragma once

#include "dstack/run/client/submit.hpp"

#include <optional>
#include <string>

namespace dstack::run {

struct RestartRequest {
  /// Only workflows that are not done, with the artifacts of those that are. The run has to be
  /// over.
  bool only_failed = false;
  std::string tag = {};  ///< as in SubmitRequest
  store::Records::Force move_tag = store::Records::Force::no;
  std::optional<std::size_t> parallel = {};  ///< not set: as the first time
};

/// The plan of the new run, with `name` for its name: what the earlier one was asked to run, word
/// by word. Where a property holds the earlier run's name (`${{ run.name }}`), the new one takes
/// its place. `artifacts`: all that the earlier run saved; `done`: by workflow, which of them are
/// not to run again.
plan::Plan plan_again(plan::Plan plan,
                      const std::string& name,
                      const std::vector<bool>& done,
                      const std::vector<job::Artifact>& artifacts);

/// The plan alone (`--dry-run`); nothing is written. An error as from restart().
Result<plan::Plan> preview_restart(const Workbench& bench,
                                   store::Records& records,
                                   const store::RunRecord& origin,
                                   const RestartRequest& request);

/// Records the new run and starts its supervisor, as submit() does. Code, inputs, variables and the
/// caller's environment are those of the earlier run; settings and secrets are today's. An error
/// when something of it is gone (code, an input, an artifact, a secret, a Python, a library), which
/// names it and what would help.
Result<Submitted> restart(const Workbench& bench,
                          store::Records& records,
                          const store::RunRecord& origin,
                          const RestartRequest& request);

}  // namespace dstack::run
