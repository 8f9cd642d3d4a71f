#include "dstack/run/runner/main.hpp"

#include "dstack/process/oom_score.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/runner/job_runner.hpp"

#include <fcntl.h>

namespace dstack::run {

int runner_main() {
  process::leave_to_oom_killer();  // the supervisor is spared, and no job inherits that
  const auto text = take_order();
  if (!text)
    return 1;
  auto order = parse_job_order(*text);
  if (!order)
    return 1;
  // The job's lock, its reservation and its ports, handed over by the supervisor: held until this
  // process ends, and never by the job.
  const int ports = static_cast<int>(order->ports.size());
  ::fcntl(runner_lock_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(runner_lease_fd, F_SETFD, FD_CLOEXEC);
  for (int fd = runner_ports_fd; fd < runner_ports_fd + ports; ++fd)
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return JobRunner(*std::move(order)).run();
}

}  // namespace dstack::run
