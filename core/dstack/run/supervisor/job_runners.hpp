// The seam below the supervisor: what it asks of whatever executes jobs. On this machine that is
// LocalRunners (local_runners.hpp), processes `dstack exec`. A cluster is another implementation:
// start() submits to its queue, stop() and collect() refer to the submitted job, adopt() finds it
// by the name that is in the attempt's folder, and what reports its end is one more source of
// PollEvents (poll_events.hpp). Tests have one without any process.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// The runners of a run's jobs, at most one for each job at a time. For one thread.
class JobRunners {
 public:
  virtual ~JobRunners() = default;

  /// Ports on the machine where the job will run. Kept for its next start().
  virtual Result<std::vector<std::uint16_t>> reserve_ports(std::size_t job, std::size_t count) = 0;
  /// Those of jobs that were not started after all.
  virtual void release_ports() = 0;

  /// Starts the runner of a job, which holds the reserved ports, and the lease of resources
  /// (Leases::lease_of) while it lives.
  virtual Result<void> start(const JobOrder& order, int lease) = 0;
  /// Watches a running runner that another supervisor started.
  virtual void adopt(std::size_t job, std::size_t attempt) = 0;

  /// Whether a runner of this job is running.
  virtual bool has(std::size_t job) const = 0;
  /// Whether stop() reaches it: an adopted one may not have recorded its identity yet.
  virtual bool reaches(std::size_t job) const = 0;
  /// The numbers of all jobs that stop() reaches.
  virtual std::vector<std::size_t> reached() const = 0;
  /// Asks a job to end, gracefully or at once. Its end is an event like any other.
  virtual void stop(std::size_t job, job::StopRequest request) = 0;

  /// The runner of a job has ended, or works for it no more (Events::wait() reported it): it is not
  /// watched any more.
  /// Returns its record; nothing when it was killed. An error: nobody can tell, because what it
  /// left cannot be read.
  virtual Result<std::optional<ExitRecord>> collect(std::size_t job) = 0;
};

/// What is found in an attempt's folder, by a supervisor that takes over.
enum class Trace {
  none,   ///< no runner ever began
  alive,  ///< one is running
  ended,  ///< there is an exit record
  lost,   ///< one began, and is dead without a record
};

/// What runners leave in the folders of their attempts, whoever started them. Only what is missing
/// counts as missing: an error is that it cannot be read. For one thread.
class AttemptTraces {
 public:
  virtual ~AttemptTraces() = default;

  /// The newest attempt of a job that has begun, or was about to; 0: none.
  virtual Result<std::size_t> newest(std::size_t job) const = 0;
  virtual Result<Trace> look(std::size_t job, std::size_t attempt) const = 0;
  virtual Result<std::optional<ExitRecord>> record(std::size_t job, std::size_t attempt) const = 0;
  /// The ports that an attempt was given.
  virtual Result<std::vector<std::uint16_t>> ports(std::size_t job, std::size_t attempt) const = 0;
  /// The messages of its runner, in order, as they were also sent to the mailbox.
  virtual Result<std::vector<std::string>> messages(std::size_t job, std::size_t attempt) const = 0;

  /// Ends all that is left of an attempt whose runner was killed. An error: what is still there,
  /// and how it can be removed.
  virtual Result<void> end_orphans(std::size_t job, std::size_t attempt) = 0;
  /// Removes the workspace of an attempt of which nothing is kept, and whose runner cannot do it.
  virtual void remove_workspace(std::size_t job, std::size_t attempt) = 0;
};

}  // namespace dstack::run
