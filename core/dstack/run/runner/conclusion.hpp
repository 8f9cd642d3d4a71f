// What happens when a job is over: what it left is examined and removed, and the exit record is
// written.
#pragma once

#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/runner/job_attempt.hpp"
#include "dstack/run/runner/job_start.hpp"
#include "dstack/run/runner/runner_signals.hpp"
#include "dstack/source/edits.hpp"

#include <optional>

namespace dstack::run {

/// Once for each attempt, whether its job was started or not.
class Conclusion {
 public:
  /// All of them must outlive it. `job`: null when it was not started. `record` knows how it ended,
  /// and gets the rest.
  Conclusion(JobAttempt& attempt,
             const RunnerSignals& signals,
             RunningJob* job,
             ExitRecord& record);

  /// The record is on disk when this returns, unless it cannot be written. A full disk is waited
  /// for, until the job is aborted.
  void run();

 private:
  void take_metrics();
  void remove_container();
  /// Of a job that failed by itself because of the kind of its workspace.
  void explain_failure();
  void record_edits();
  /// Whether the supervisor will save what the job leaves.
  bool saves_artifacts() const;
  /// The workspace and what of it is whose. Nothing of the job writes there any more.
  const source::EditedFolder& left();
  /// Paths of what the supervisor will keep beside the artifacts.
  std::vector<std::string> kept_changes();
  /// Artifacts and changes stay as they are; what is found in them is recorded. An abort saves
  /// nothing, and so does not wait for it.
  void scan_artifacts();
  /// A job that is over cannot be stopped any more, only aborted.
  bool is_abort_requested() const;
  /// What the job installed for itself was there, too.
  void record_own_packages();
  /// Whether nothing is left for the supervisor to store.
  bool leaves_nothing() const;
  void remove_folders();
  void write_record();
  Result<void> write_patiently(Durable durable);

  JobAttempt& attempt_;
  const RunnerSignals& signals_;
  RunningJob* job_;
  ExitRecord& record_;
  std::optional<source::EditedFolder> left_;  ///< looked for once
};

}  // namespace dstack::run
