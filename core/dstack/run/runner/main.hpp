// The runner, the process that takes a job from its order to its exit record: `dstack exec`.
// Single-threaded. It prepares the job (preparation.hpp), starts it (job_start.hpp), watches it
// until nothing of it is left (watch.hpp), and concludes it (conclusion.hpp): the exit record is on
// disk before the runner frees the job's lock. Then it ends, or waits for the next plain order
// (order_queue.hpp).
#pragma once

#include <span>

namespace dstack::run {

/// The whole life of the process. On descriptor 0 comes its order as JSON
/// (run/protocol/job_order.hpp), or a socket from which it gets orders
/// (run/protocol/order_socket.hpp). `job`: the argument of this process that names the job; what
/// it names is kept up to date.
int runner_main(std::span<char> job);

}  // namespace dstack::run
