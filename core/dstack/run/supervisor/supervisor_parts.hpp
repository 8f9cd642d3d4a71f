// All that a supervisor uses beyond its own values: processes, the machine, the disk, the clock.
// main.cpp makes the real ones, tests have fakes.
#pragma once

#include "dstack/run/supervisor/artifact_saver.hpp"
#include "dstack/run/supervisor/events.hpp"
#include "dstack/run/supervisor/job_runners.hpp"
#include "dstack/run/supervisor/journal.hpp"
#include "dstack/run/supervisor/leases.hpp"
#include "dstack/run/supervisor/recorder.hpp"
#include "dstack/run/supervisor/run_history.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace dstack::run {

struct SupervisorParts {
  JobRunners& runners;
  AttemptTraces& traces;
  Leases& leases;
  ArtifactSaver& saver;
  RunHistory& history;
  Recorder& recorder;
  Events& events;
  Clock now;
  /// What the log of a failed job reveals of the reason, beyond its exit code; may be empty.
  std::function<std::string(std::size_t job)> explain_failure;
};

}  // namespace dstack::run
