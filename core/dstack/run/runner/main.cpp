#include "dstack/run/runner/main.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/process/oom_score.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/runner/conclusion.hpp"
#include "dstack/run/runner/job_attempt.hpp"
#include "dstack/run/runner/job_start.hpp"
#include "dstack/run/runner/layered_workspace.hpp"
#include "dstack/run/runner/preparation.hpp"
#include "dstack/run/runner/preparation_guard.hpp"
#include "dstack/run/runner/runner_signals.hpp"
#include "dstack/run/runner/watch.hpp"

#include <fcntl.h>

namespace dstack::run {

namespace {

Result<RunningJob> prepare_and_start(JobAttempt& attempt,
                                     const RunnerSignals& signals,
                                     ExitRecord& record) {
  PreparationGuard guard(signals, attempt.order.stop_grace);
  auto job = Preparation(attempt, record.warnings).run();
  record.stop = guard.finish();
  if (record.stop != job::StopRequest::none)
    return fail_stopped();
  if (!job)
    return Failure(std::move(job).error());
  return start_job(attempt, *std::move(job), record.started_at);
}

/// Returns the exit code of the process.
int run_job(JobOrder order) {
  ExitRecord record;
  record.started_at = now();
  auto in = enter_namespace(order);
  backend::LocalProcess::adopt_orphans();
  const RunnerSignals signals;
  auto attempt = open_attempt(std::move(order));
  if (!attempt)
    return 1;  // nothing can be written here: the supervisor sees a runner without a record
  attempt->in = std::move(in);
  auto job = prepare_and_start(*attempt, signals, record);
  if (job) {
    Watch(*attempt, signals, *job, record).run();
  } else {
    record.outcome = ExitRecord::Outcome::not_started;
    record.message = render(job.error());
  }
  Conclusion(*attempt, signals, job ? &*job : nullptr, record).run();
  return 0;
}

}  // namespace

int runner_main() {
  process::leave_to_oom_killer();  // the supervisor is spared, and no job inherits that
  const auto text = take_order();
  if (!text)
    return 1;
  auto order = parse_job_order(*text);
  if (!order)
    return 1;
  // The job's lock, its lease and its ports, handed over by the supervisor: held until this
  // process ends, and never by the job.
  const int ports = static_cast<int>(order->ports.size());
  ::fcntl(runner_lock_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(runner_lease_fd, F_SETFD, FD_CLOEXEC);
  for (int fd = runner_ports_fd; fd < runner_ports_fd + ports; ++fd)
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return run_job(*std::move(order));
}

}  // namespace dstack::run
