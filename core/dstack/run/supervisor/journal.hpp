// What a supervisor decides in one turn, collected until it is recorded: the steps of jobs, and the
// resulting statuses of their workflows and of the run.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/schedule/scheduler.hpp"
#include "dstack/run/supervisor/recorder.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace dstack::run {

/// Returns the present moment of the run.
using Clock = std::function<job::Moment()>;

/// For one thread. `order` and `recorder` must outlive it.
class Journal {
 public:
  Journal(const RunOrder& order, const store::RunRecord& run, Recorder& recorder, Clock clock);

  void add(store::JobChange change);
  void add_app(job::Application app);
  void add_artifact(job::Artifact artifact);
  void add_edits(job::Edits edits);
  void add_stop(store::WorkflowStop stop);
  /// Only the first one counts.
  void add_failure(std::size_t job);
  /// Artifacts of this job were added: until they are recorded, only its workspace has them.
  void add_workspace(std::size_t job);

  /// Passes everything to the recorder, with the statuses that `scheduler` derives.
  void commit(const Scheduler& scheduler);

  /// See Recorder::finish().
  Result<std::vector<std::size_t>> finish() { return recorder_.finish(); }

 private:
  void add_workflow(std::size_t workflow, job::Status status);

  const RunOrder& order_;
  Recorder& recorder_;
  Clock now_;
  store::RunChanges pending_;
  std::vector<std::size_t> workspaces_;
  bool has_failed_;
  std::set<std::size_t> touched_;                      ///< workflows
  std::map<std::size_t, job::Moment> starts_;          ///< by workflow; since the last commit
  std::multimap<std::size_t, store::JobChange> ends_;  ///< of jobs, by workflow
  std::vector<job::Status> workflow_statuses_;
  job::Status run_status_;
};

}  // namespace dstack::run
