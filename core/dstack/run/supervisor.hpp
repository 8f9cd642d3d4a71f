// The process that sees one run through: `dstack supervise HOME RUN`. Detached, one for each run,
// holder of run.lock for life. It may be killed at any moment: jobs and their wrappers go on, and
// the next supervisor takes over.
#pragma once

#include "dstack/store/home.hpp"

#include <string>

namespace dstack::run {

/// The whole life of the process. Returns its exit code: 0 when the run is over, or somebody else
/// holds the lock.
int supervise_main(const store::Home& home, const std::string& run);

/// Starts one, detached. It takes the lock itself; two at once do no harm.
Result<void> start_supervisor(const store::Home& home, const std::string& run);

}  // namespace dstack::run
