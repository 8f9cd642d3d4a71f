// From the start of a job until its own process and everything it started are gone: its output, the
// signals to the runner, reports of its agent, its applications, kills for memory, its timeout,
// what it writes.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/runner/applications.hpp"
#include "dstack/run/runner/job_attempt.hpp"
#include "dstack/run/runner/job_start.hpp"
#include "dstack/run/runner/runner_signals.hpp"

#include <vector>

#include <poll.h>

namespace dstack::run {

/// One poll loop; for the only thread of the runner.
class Watch {
 public:
  /// All of them must outlive it. How the job ended is put into `record`.
  Watch(JobAttempt& attempt, const RunnerSignals& signals, RunningJob& job, ExitRecord& record);

  void run();

 private:
  void wait_and_handle();
  void wait();
  void report(job::Status status);
  /// Applications of a job that is ending are not asked any more.
  void ask_applications();
  void take_reports();
  /// True when something was moved.
  bool move_output();
  /// To the supervisor: that the disk has become full, or has room again.
  void report_full_disk();
  void report_oom_kill();
  /// A job that has written more than it may is stopped, as one that took too long.
  void look_at_disk();
  void take_signals();
  /// A job is over when its own process is; what it left running is ended like a job that is
  /// stopped.
  void take_due_step();
  void stop();
  void kill();
  int milliseconds_to_next_step() const;
  void record_end();
  /// A program that finds its port taken ends: that is not its failure.
  void blame_port();

  JobAttempt& attempt_;
  const RunnerSignals& signals_;
  RunningJob& job_;
  ExitRecord& record_;
  Applications applications_;
  std::vector<pollfd> polled_;
  bool reported_full_ = false;
};

}  // namespace dstack::run
