// Sees one run through, from its first job to its end: starts what may start, judges what has
// ended, stops what is asked to stop, and takes over what a supervisor before it has left running.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/schedule/attempts.hpp"
#include "dstack/run/schedule/scheduler.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"
#include "dstack/run/supervisor/job_orders.hpp"
#include "dstack/run/supervisor/journal.hpp"
#include "dstack/run/supervisor/reservations.hpp"
#include "dstack/run/supervisor/runners.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

/// For one thread of one process, which holds the run's lock.
class Supervisor {
 public:
  Supervisor(files::Home home,
             std::string name,
             store::Records& records,
             store::RunRecord run,
             RunOrder order,
             Mailbox mailbox,
             ArtifactSaver uploads,
             Recorder recorder);

  /// Until the run is over.
  Result<void> run();

 private:
  // --- What was before (supervisor_takeover.cpp) ---

  Result<void> take_over();
  void restore_ends(const std::vector<store::JobRecord>& jobs);
  void take_over(const store::JobRecord& job, std::vector<End>& ends);
  std::size_t unfinished_of_gang(std::size_t job) const;
  /// Of how many attempts it is on record that they are over and another follows.
  std::size_t told_attempts(const store::JobRecord& job, std::size_t attempt);
  /// The supervisor before did not live to record it.
  void tell_again_late(std::size_t job, std::size_t attempt);
  /// The states that a runner went through while nobody listened.
  void replay_states(std::size_t job, std::size_t attempt);

  // --- Starting ---

  void start_jobs();
  bool may_start(std::size_t job);
  /// Before it has begun: others of its gang failed.
  bool is_over(std::size_t job) const;
  Result<void> reserve(std::size_t job);
  Result<void> start(std::size_t job);
  /// Of the attempt that has begun last.
  JobOrder job_order(std::size_t job) const;
  void end_unstarted(std::size_t job, const Error& error);

  // --- Ends (supervisor_ends.cpp) ---

  /// A runner is gone; one without a record was killed.
  End end_of(std::size_t job, std::optional<ExitRecord> record) const;
  /// In the order in which they came, for the first failure counts.
  void all_ended(std::vector<End> ends);
  void ended(End end);
  job::StopRequest stop_asked_of(std::size_t job) const;
  void try_again(std::size_t job, const store::JobChange& failure);
  void tell_again(std::size_t job, std::size_t attempt, const store::JobChange& failure);
  /// A gang ends with the first of it that fails, and at once.
  void stop_rest_of_gang(std::size_t failed);
  void stop_unstarted(std::size_t job);
  void stop_failed_gangs();
  /// The end of a job's last attempt.
  void settle(const End& end);
  store::JobChange final_change(const SavedArtifacts& uploaded) const;
  /// As people see it: "train", or "train[2]".
  std::string label(std::size_t job) const;
  Path folder_of(std::size_t job, std::size_t attempt) const;
  void uploaded(SavedArtifacts result);
  void finish(store::JobChange change);
  std::string why_a_file_was_missing(std::size_t job) const;
  void skip(std::size_t job);

  // --- Stopping ---

  Result<void> carry_out_stops();
  void stop_workflow(std::size_t workflow, job::StopRequest request);
  void stop_job(std::size_t job, bool abort);

  // --- Events ---

  Result<void> wait_for_something();
  Result<void> look_for_unknown();
  Result<void> read_mail();
  /// A runner's word, as it was sent or as it stands in the file.
  void note(std::string_view text);
  void note(const StateMessage& message);
  Result<void> discard_workspaces(Result<std::vector<std::size_t>> of_jobs);

  files::Home home_;
  std::string name_;
  store::Records& records_;
  store::RunRecord run_;
  RunOrder order_;
  Scheduler scheduler_;
  Attempts attempts_;
  Runners runners_;
  Reservations reservations_;
  Mailbox mailbox_;
  ArtifactSaver saver_;
  JobOrders orders_;
  Journal journal_;
  std::map<std::size_t, std::vector<Port>> reserved_;  ///< by job, until its runner has them
  std::vector<job::StopRequest> stops_;                ///< by workflow
  std::set<std::size_t> unjudged_;    ///< jobs that have ended, and whose turn is still to come
  std::set<std::size_t> told_again_;  ///< jobs whose next attempt is on record, and has not begun
  std::set<std::size_t> lost_;        ///< jobs whose runner was killed
  bool queued_ = false;
};

}  // namespace dstack::run
