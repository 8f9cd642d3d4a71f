// Requests to a run from outside, and restarts of supervisors that died.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <string>

namespace dstack::run {

/// The index of a workflow of a run; not_found, with a suggestion, when it has none of that name.
Result<std::size_t> find_workflow(const store::RunRecord& run, const std::string& name);

/// Records the request and makes sure that a supervisor carries it out. Where it cannot be
/// recorded, as on a full disk, the supervisor gets it as a message, and records it later. Does not
/// wait for the end (follow() does). A finished run is ErrorCode::conflict. An empty workflow means
/// the whole run.
Result<void> stop(const files::Home& home,
                  store::Records& records,
                  const store::RunRecord& run,
                  const std::string& workflow,
                  job::StopRequest request);

/// Starts a supervisor for each run of this machine whose lock is free, and which is unfinished or
/// which has notifications to deliver. Finishes removals of runs that were killed. Called by every
/// command that looks at runs. Cheap when there is nothing to do.
Result<void> recover(const files::Home& home, store::Records& records);

}  // namespace dstack::run
