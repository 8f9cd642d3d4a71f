// Requests to a run from outside, and restarts of supervisors that died.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <string>

namespace dstack::run {

/// Records the request and makes sure that a supervisor carries it out. Where it cannot be
/// recorded, as on a full disk, the supervisor gets it as a message, and records it later. Does not
/// wait for the end (follow() does). A finished run is ErrorCode::conflict.
Result<void> stop(const files::Home& home,
                  store::Records& records,
                  const store::RunRecord& run,
                  const Selection& part,
                  job::StopRequest request);

/// Starts a supervisor for each run of this machine whose lock is free, and which is unfinished or
/// which has notifications to deliver. Finishes removals of runs that were killed. Called by every
/// command that looks at runs. Cheap when there is nothing to do.
Result<void> recover(const files::Home& home, store::Records& records);

}  // namespace dstack::run
