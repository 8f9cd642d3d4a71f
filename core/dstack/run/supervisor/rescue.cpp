#include "dstack/run/supervisor/rescue.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/run/supervisor/attempt_folders.hpp"
#include "dstack/run/supervisor/job_orders.hpp"

#include <algorithm>

#include <signal.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// One run, for as long as nobody else touches it.
class Rescue {
 public:
  Rescue(const files::Home& home,
         store::Records& records,
         const store::RunRecord& run,
         const RunOrder& order,
         std::vector<job::Artifact> recorded)
      : records_(records),
        run_(run),
        order_(order),
        recorded_(std::move(recorded)),
        folders_(home, order),
        orders_(home, run, order),
        objects_(home) {
    for (const job::Artifact& artifact : recorded_)
      orders_.add(artifact);
  }

  Result<std::vector<RescuedJob>> all() {
    std::vector<RescuedJob> rescued;
    for (std::size_t job = 0; job < order_.plan.jobs.size(); ++job) {
      DSTACK_TRY(const std::size_t attempt, folders_.newest(job));
      if (attempt == 0 || !has_workspace(job, attempt))
        continue;
      DSTACK_TRY(RescuedJob one, rescue(job, attempt));
      rescued.push_back(std::move(one));
    }
    return rescued;
  }

 private:
  bool has_workspace(std::size_t job, std::size_t attempt) const {
    const Path folder = folders_.folder(job, attempt);
    const bool is_own = order_.plan.jobs[job].spec.workspace != job::WorkspaceKind::project;
    return is_own && (::access((folder / file_names::workspace).c_str(), F_OK) == 0 ||
                      ::access((folder / file_names::written).c_str(), F_OK) == 0);
  }

  Result<RescuedJob> rescue(std::size_t job, std::size_t attempt) {
    const auto& workflow = order_.plan.workflows[order_.plan.jobs[job].workflow].name;
    DSTACK_TRY(const ExitRecord record, record_of(job, attempt));
    // Whether all its processes have ended is not known.
    RescuedJob rescued{workflow,
                       save_artifacts(objects_,
                                      orders_.make(job, attempt, attempt),
                                      workflow,
                                      record,
                                      store::Originals::stay)};
    SavedArtifacts& saved = rescued.saved;
    std::erase_if(saved.artifacts, [&](const job::Artifact& each) { return is_whole(each); });
    store::RunChanges changes;
    changes.artifacts = saved.artifacts;
    if (saved.edits)
      changes.edits.push_back(*saved.edits);
    DSTACK_CHECK(records_.apply(run_.id, changes));
    if (saved.error.empty())
      folders_.remove_workspace(job, attempt);
    return rescued;
  }

  /// As a supervisor has it of a runner that was killed, where there is no record.
  Result<ExitRecord> record_of(std::size_t job, std::size_t attempt) const {
    DSTACK_TRY(auto left, folders_.record(job, attempt));
    if (left)
      return *std::move(left);
    ExitRecord record;
    record.outcome = ExitRecord::Outcome::signaled;
    record.number = SIGKILL;
    record.edited = order_.keep_changes > 0;
    return record;
  }

  bool is_whole(const job::Artifact& artifact) const {
    return std::any_of(recorded_.begin(), recorded_.end(), [&](const job::Artifact& recorded) {
      return recorded.workflow == artifact.workflow && recorded.path == artifact.path &&
             !recorded.partial;
    });
  }

  store::Records& records_;
  const store::RunRecord& run_;
  const RunOrder& order_;
  const std::vector<job::Artifact> recorded_;
  AttemptFolders folders_;
  JobOrders orders_;
  store::ObjectStore objects_;
};

}  // namespace

Result<std::vector<RescuedJob>> rescue(const files::Home& home,
                                       store::Records& records,
                                       const store::RunRecord& run) {
  if (!job::is_final(run.status))
    return fail(ErrorCode::conflict, "run '{}' is not over: {}", run.name, job::render(run.status))
        .with_hint("its artifacts are saved when its jobs end");
  DSTACK_TRY(const auto lock, take_run_lock(home, run.name));
  if (!lock)
    return fail(ErrorCode::conflict, "run '{}' is in use by another process", run.name)
        .with_hint("try again when it has ended");
  DSTACK_TRY(const RunOrder order, read_run_order(records, run));
  DSTACK_TRY(auto recorded, records.artifacts(run.id));
  return Rescue(home, records, run, order, std::move(recorded)).all();
}

}  // namespace dstack::run
