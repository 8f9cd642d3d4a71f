// The process that supervises one run to its end: `dstack supervise HOME RUN`. Detached, one for
// each run, holder of run.lock for life. After the run's end it sends the notifications. It may be
// killed at any moment: jobs and their runners go on, and the next supervisor takes over.
#pragma once

#include "dstack/files/home.hpp"

#include <string>

namespace dstack::run {

/// The whole life of the process. Returns its exit code: 0 when the run is over, or another
/// process holds the lock.
int supervisor_main(const files::Home& home, const std::string& run);

}  // namespace dstack::run
