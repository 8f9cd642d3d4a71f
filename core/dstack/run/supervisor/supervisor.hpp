// Supervises one run to its end: takes over what a supervisor before it has left running, starts
// what may start, and waits.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/supervisor/events.hpp"
#include "dstack/run/supervisor/job_ends.hpp"
#include "dstack/run/supervisor/job_stops.hpp"
#include "dstack/run/supervisor/run_progress.hpp"
#include "dstack/run/supervisor/supervisor_parts.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::run {

/// For one thread. The caller ensures that it is the only one of its run; what `parts` refers to
/// must outlive it.
class Supervisor {
 public:
  Supervisor(const files::Home& home, RunOrder order, store::RunRecord run, SupervisorParts parts);

  /// Until the run is over.
  Result<void> run();

 private:
  Result<void> take_over();
  /// False: one of them could not start.
  bool start_jobs();
  bool may_start(std::size_t job);
  Result<void> reserve(std::size_t job);
  Result<void> start(std::size_t job);
  /// Once: records why each job that did not start at once waits.
  void queue_waiting();
  Result<void> wait();
  Result<void> read(const std::string& message);
  void discard_workspaces(const std::vector<std::size_t>& jobs);

  SupervisorParts parts_;
  RunProgress progress_;
  JobStops stops_;
  JobEnds ends_;
  bool queued_ = false;
};

}  // namespace dstack::run
