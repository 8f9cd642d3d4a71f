// The process that sees one run through: `dstack supervise HOME RUN`. Detached, one for each run,
// holder of run.lock for life. After the run's end it tells those who want to know of it. It may be
// killed at any moment: jobs and their wrappers go on, and the next supervisor takes over.
#pragma once

#include "dstack/store/home.hpp"

#include <string>

namespace dstack::run {

/// The whole life of the process. Returns its exit code: 0 when the run is over, or somebody else
/// holds the lock.
int supervise_main(const store::Home& home, const std::string& run);

/// Nobody watches a supervisor: what it cannot record goes into a file beside its run, made only
/// then.
void complain(const Path& run_folder, const std::string& message);

}  // namespace dstack::run
