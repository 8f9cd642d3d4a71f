// The runner, the process that takes one job from its order to its exit record: `dstack exec`.
// Single-threaded. It prepares the job (preparation.hpp), starts it (job_start.hpp), watches it
// until nothing of it is left (watch.hpp), and concludes it (conclusion.hpp): the exit record is on
// disk before the runner ends, and with it the job's lock is free.
#pragma once

namespace dstack::run {

/// The whole life of the process; its order comes as JSON on descriptor 0
/// (run/protocol/job_order.hpp).
int runner_main();

}  // namespace dstack::run
