// Starts a job that is prepared: its limits, its pipes, its process.
#pragma once

#include "dstack/backend/local_process.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/resources/cores.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/runner/disk_watch.hpp"
#include "dstack/run/runner/job_attempt.hpp"
#include "dstack/run/runner/job_metrics.hpp"
#include "dstack/run/runner/preparation.hpp"
#include "dstack/run/runner/stop_timer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dstack::run {

/// A job that was started.
struct RunningJob {
  backend::LocalProcess process;
  StopTimer timer;
  resources::Limiter limiter;
  resources::Cores cores;
  resources::OomEvents oom;
  DiskWatch disk;
  Fd output;             ///< the pipe with what it writes; reading never blocks
  AgentReports reports;  ///< empty without an agent
  std::vector<std::string> secret_names;
  /// Changes of the workspace after this time are the job's: nanoseconds since 1970, by the clock
  /// of files.
  std::int64_t workspace_made_at = 0;
  JobMetrics metrics = {};
};

/// `started_at` is when the job was about to start; it is not set if what the start needs is
/// missing. Nothing is left of a job that could not start.
Result<RunningJob> start_job(JobAttempt& attempt, PreparedJob job, Timestamp& started_at);

}  // namespace dstack::run
