// How one runner carries out one plain order after the other: a socket between it and the
// supervisor that started it. An order goes one way, with the job's lock, already held; that the
// runner is ready for the next goes the other. A runner that ends closes its end, and so says that
// its job is over, as the end of any runner does.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace dstack::run {

/// Whether nothing of what a job is given, or may do, stays with its runner: then it may be carried
/// out by one that has carried out others before. All that needs something held, a value that
/// nobody else may see, a limit, or another program of ours first has a runner of its own.
bool is_plain(const JobOrder& order);

/// What a runner has as its argument, so that a list of processes says which job it carries out:
/// "quiet-otter-3/0".
std::string job_of_runner(const std::string& run, std::size_t job);

/// The supervisor's end.

/// `order`: as hand_over_order() makes it. An error when the runner takes none any more.
Result<void> give_order(int socket, int order, int lock);

enum class RunnerState { busy, ready, gone };
/// What the runner has said, without waiting. `ready` is said, and so returned, once for each
/// order.
RunnerState take_state(int socket);

/// The runner's end.

struct GivenOrder {
  JobOrder order;
  Fd lock;  ///< of the job, held
};

/// A runner that has the socket as its descriptor 0 is started for any number of orders: takes it,
/// and leaves an empty standard input behind. Nothing: it is started for one, take_order(). An
/// error: it cannot be taken, and there is nothing to do.
Result<std::optional<Fd>> take_order_socket();
/// Waits for it. Nothing when there will be none any more; an error: it cannot be read.
Result<std::optional<GivenOrder>> take_given_order(int socket);
/// The lock of the last one is free, its record is written. False when the supervisor is gone.
bool say_ready(int socket);

}  // namespace dstack::run
