// The process that sees one job through: `dstack exec`. Single-threaded. Lays out the workspace,
// makes the environment, starts the job, moves its output to the log, waits, ends whatever the job
// left running, and writes the exit record before it ends itself.
#pragma once

namespace dstack::run {

/// The whole life of the process; its order comes as JSON on descriptor 0 (run/order.hpp).
int runner_main();

}  // namespace dstack::run
