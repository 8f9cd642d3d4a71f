// The process that sees one job through: `dstack exec`. Single-threaded. Lays out the workspace,
// makes the environment, starts the job, moves its output to the log, waits, ends whatever the job
// left running, and writes the exit record before it ends itself.
#pragma once

namespace dstack::run {

/// Descriptor on which the wrapper gets its job's lock, already held.
inline constexpr int exec_lock_fd = 3;
/// Descriptor on which it gets the lifeline of its job's reservation, where there is one.
inline constexpr int exec_claim_fd = 4;
/// The first of those on which it gets the reservations of its job's ports, one for each.
inline constexpr int exec_ports_fd = 5;

/// The whole life of the process; its order comes as JSON on descriptor 0 (run/order.hpp).
int exec_main();

}  // namespace dstack::run
