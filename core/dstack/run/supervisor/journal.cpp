#include "dstack/run/supervisor/journal.hpp"

#include "dstack/run/report/notifications.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dstack::run {

using job::Status;

Journal::Journal(const RunOrder& order,
                 const store::RunRecord& run,
                 Recorder& recorder,
                 Clock clock)
    : order_(order),
      recorder_(recorder),
      now_(std::move(clock)),
      has_failed_(run.first_failure >= 0),
      run_status_(run.status) {
  for (const store::WorkflowRecord& workflow : run.workflows)
    workflow_statuses_.push_back(workflow.status);
}

void Journal::add(store::JobChange change) {
  const std::size_t workflow = order_.plan.jobs[change.job].workflow;
  touched_.insert(workflow);
  if (change.status > Status::queued && change.status <= Status::uploading)
    starts_.try_emplace(workflow, change.at);
  if (job::is_final(change.status))
    ends_.emplace(workflow, change);
  pending_.jobs.push_back(std::move(change));
}

void Journal::add_app(job::Application app) {
  pending_.apps.push_back(std::move(app));
}

void Journal::add_artifact(job::Artifact artifact) {
  pending_.artifacts.push_back(std::move(artifact));
}

void Journal::add_edits(job::Edits edits) {
  pending_.edits.push_back(std::move(edits));
}

void Journal::add_stop(store::WorkflowStop stop) {
  pending_.stops.push_back(stop);
}

void Journal::add_failure(std::size_t job) {
  if (std::exchange(has_failed_, true))
    return;
  pending_.first_failure = static_cast<std::int64_t>(job);
}

void Journal::add_workspace(std::size_t job) {
  workspaces_.push_back(job);
}

void Journal::commit(const Scheduler& scheduler) {
  for (const std::size_t workflow : std::exchange(touched_, {}))
    if (const Status status = scheduler.workflow_status(workflow);
        status != workflow_statuses_[workflow])
      add_workflow(workflow, status);
  if (const Status status = scheduler.run_status(); status != run_status_) {
    run_status_ = status;
    pending_.status = status;
    const auto earliest =
        std::min_element(starts_.begin(), starts_.end(), [](const auto& a, const auto& b) {
          return a.second.elapsed < b.second.elapsed;
        });
    if (earliest != starts_.end())
      pending_.started_at = earliest->second;
    if (job::is_final(status))
      pending_.notifications = notifications_for(order_.on_end, status);
  }
  starts_.clear();
  if (pending_.empty())
    return;
  pending_.at = now_();
  recorder_.add(std::exchange(pending_, {}), std::exchange(workspaces_, {}));
}

/// With the facts of the end that decided its status.
void Journal::add_workflow(std::size_t workflow, Status status) {
  workflow_statuses_[workflow] = status;
  store::WorkflowChange change;
  change.workflow = workflow;
  change.status = status;
  change.at = now_();
  if (const auto start = starts_.find(workflow); start != starts_.end())
    change.started_at = start->second;
  const auto [first, last] = ends_.equal_range(workflow);
  auto end =
      std::find_if(first, last, [&](const auto& job) { return job.second.status == status; });
  if (end == last && first != last)
    end = std::prev(last);
  if (end != last) {
    change.cause = end->second.cause;
    change.exit_code = end->second.exit_code;
    change.signal = end->second.signal;
  }
  pending_.workflows.push_back(std::move(change));
}

}  // namespace dstack::run
