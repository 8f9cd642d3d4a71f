// Carries out users' requests to stop a run, or some of its workflows.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/supervisor/run_progress.hpp"
#include "dstack/run/supervisor/supervisor_parts.hpp"

#include <cstddef>
#include <vector>

namespace dstack::run {

/// For one thread. All that it is given must outlive it.
class JobStops {
 public:
  JobStops(RunProgress& progress, const SupervisorParts& parts)
      : progress_(progress),
        runners_(parts.runners),
        saver_(parts.saver),
        history_(parts.history),
        taken_(progress.order.plan.workflows.size(), job::StopRequest::none) {}

  /// Reads the requests. Jobs that have not begun are over at once; running ones are asked to end.
  /// An abort also ends the storing of artifacts.
  Result<void> carry_out();
  /// Carries out a request that could not be recorded, and has it recorded as soon as that is
  /// possible.
  Result<void> take(const StopMessage& message);
  /// Asks a running job to end, unless it was asked already.
  void stop(std::size_t job, job::StopRequest request);

 private:
  void stop_waiting(std::size_t workflow, job::StopRequest request);
  void stop_saving();

  RunProgress& progress_;
  JobRunners& runners_;
  ArtifactSaver& saver_;
  RunHistory& history_;
  std::vector<job::StopRequest> taken_;  ///< by take(), by workflow
};

}  // namespace dstack::run
