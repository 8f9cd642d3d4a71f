#include "dstack/run/exec.hpp"

#include "dstack/process/oom_score.hpp"
#include "dstack/run/job_runner.hpp"

#include <fcntl.h>

namespace dstack::run {

int exec_main() {
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
  ::fcntl(exec_lock_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(exec_claim_fd, F_SETFD, FD_CLOEXEC);
  for (int fd = exec_ports_fd; fd < exec_ports_fd + ports; ++fd)
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return JobRunner(*std::move(order)).run();
}

}  // namespace dstack::run
