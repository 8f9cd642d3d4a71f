// What follows from the end of a job: another attempt, the end of its gang, the saving of what it
// leaves, and the skipping of what depends on it.
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/supervisor/missing_file.hpp"
#include "dstack/run/supervisor/orphan_cleanup.hpp"
#include "dstack/run/supervisor/supervisor.hpp"
#include "dstack/store/records/changes.hpp"

#include <algorithm>

#include <signal.h>

namespace dstack::run {

using job::Cause;
using job::Status;
using job::StopRequest;

namespace {

/// What ended an attempt, for the one that follows: "exit code 3".
std::string brief(const store::JobChange& outcome) {
  if (outcome.cause == Cause::exit && outcome.exit_code)
    return process::render(process::Exited{*outcome.exit_code});
  if (outcome.cause == Cause::signal && outcome.signal)
    return process::render(process::Signaled{*outcome.signal});
  return outcome.reason;
}

}  // namespace

End Supervisor::end_of(std::size_t job, std::optional<ExitRecord> record) const {
  End end{job, {}};
  if (record) {
    end.record = *std::move(record);
    return end;
  }
  end.lost = true;
  // A workspace that was still being made differs from the code without anybody's doing.
  end.record.edited = scheduler_.job_status(job) > Status::preparing;
  end.record.outcome = ExitRecord::Outcome::signaled;
  end.record.number = SIGKILL;
  end.record.finished_at = now();
  if (end.record.edited && !order_.plan.jobs[job].spec.artifacts.empty() &&
      has_secrets(job_order(job)))
    end.record.warnings.emplace_back("its artifacts were not looked through for secrets");
  return end;
}

void Supervisor::all_ended(std::vector<End> ends) {
  std::stable_sort(ends.begin(), ends.end(), [](const End& a, const End& b) {
    return a.record.finished_at < b.record.finished_at;
  });
  for (const End& end : ends)
    unjudged_.insert(end.job);
  for (End& end : ends)
    ended(std::move(end));
}

void Supervisor::ended(End end) {
  const std::size_t job = end.job;
  unjudged_.erase(job);
  if (end.lost)
    if (const auto ended = end_orphans(home_, order_, job, attempts_.begun(job)); !ended)
      end.record.warnings.push_back(render(ended.error()));
  reservations_.ended(job);
  const auto wish = stop_asked_of(job) == StopRequest::none ? Wish::go_on : Wish::end;
  const Attempts::Verdict verdict = attempts_.ended(std::move(end), wish);
  for (const End& over : verdict.over)
    settle(over);
  for (const std::size_t other : verdict.again)
    try_again(other, verdict.failure);
  if (attempts_.failed_first(job))
    stop_rest_of_gang(job);
}

StopRequest Supervisor::stop_asked_of(std::size_t job) const {
  return stops_[order_.plan.jobs[job].workflow];
}

void Supervisor::try_again(std::size_t job, const store::JobChange& failure) {
  const std::size_t begun = attempts_.begun(job);
  scheduler_.again(job);
  saver_.discard(job_order(job));
  if (told_again_.erase(job) == 0)
    tell_again(job, begun, failure);
}

void Supervisor::tell_again(std::size_t job, std::size_t attempt, const store::JobChange& failure) {
  store::JobChange change;
  change.job = job;
  change.status = Status::queued;
  change.at = now();
  change.cause = failure.cause;
  if (failure.job != job)
    change.reason = label(failure.job) + " failed: ";
  change.reason += brief(failure) + "; attempt " + std::to_string(attempt + 1) + " of " +
                   std::to_string(attempts_.most(job)) + " follows";
  journal_.add(std::move(change));
}

void Supervisor::stop_rest_of_gang(std::size_t failed) {
  for (const std::size_t job : scheduler_.gangs().members(failed)) {
    const Status status = scheduler_.job_status(job);
    if (job == failed || job::is_final(status) || status == Status::uploading ||
        attempts_.holds(job) || unjudged_.contains(job))
      continue;
    if (runners_.reaches(job))
      stop_job(job, false);
    else if (!runners_.has(job))
      stop_unstarted(job);
  }
}

void Supervisor::stop_unstarted(std::size_t job) {
  scheduler_.take(job);
  End end{job, {}};
  end.record.outcome = ExitRecord::Outcome::not_started;
  end.record.stop = StopRequest::stop;
  end.record.finished_at = now();
  ended(std::move(end));
}

void Supervisor::stop_failed_gangs() {
  for (std::size_t job = 0; job < order_.plan.jobs.size(); ++job)
    if (attempts_.failed_first(job) == job)
      stop_rest_of_gang(job);
}

void Supervisor::settle(const End& end) {
  const std::size_t job = end.job;
  const ExitRecord& record = end.record;
  if (end.lost)
    lost_.insert(job);
  const store::JobChange outcome = outcome_of(end);
  if (outcome.status == Status::failed)
    journal_.add_failure(job);
  const plan::PlannedJob& planned = order_.plan.jobs[job];
  const bool nothing_to_keep = planned.spec.artifacts.empty() && !record.edited;
  if (nothing_to_keep || record.stop == StopRequest::abort ||
      record.outcome == ExitRecord::Outcome::not_started) {
    if (end.lost || record.outcome == ExitRecord::Outcome::not_started)
      (void)remove_tree(folder_of(job, attempts_.begun(job)) / file_names::workspace);
    finish(final_change({job, record, {}, {}, {}, {}}));
    return;
  }
  if (scheduler_.job_status(job) != Status::uploading) {  // a runner may have said it
    scheduler_.set_status(job, Status::uploading);
    journal_.add({job, Status::uploading, now(), {}, {}, {}, {}});
  }
  // Only a runner sees to it that the whole process tree is gone, and only a workspace of the
  // job's own goes with it.
  const bool is_over = !end.lost && planned.spec.workspace != job::WorkspaceKind::project;
  saver_.start(job_order(job),
               order_.plan.workflows[planned.workflow].name,
               record,
               is_over ? store::Originals::go : store::Originals::stay);
}

store::JobChange Supervisor::final_change(const SavedArtifacts& uploaded) const {
  const std::size_t job = uploaded.job;
  store::JobChange change = outcome_of({job, uploaded.record, lost_.count(job) > 0});
  const auto first = attempts_.failed_first(job);
  if (change.status == Status::stopped && first && stop_asked_of(job) == StopRequest::none)
    change.reason = "stopped because " + label(*first) + " failed first";
  if (!uploaded.error.empty()) {
    if (change.status == Status::done) {
      change.status = Status::failed;
      change.cause = Cause::lost;
    }
    add_reason(change, uploaded.error);
  }
  add_warnings(change, uploaded.warnings);
  change.at = now();
  return change;
}

std::string Supervisor::label(std::size_t job) const {
  const std::size_t workflow = order_.plan.jobs[job].workflow;
  const auto& jobs = order_.plan.jobs;
  std::size_t first = job;
  while (first > 0 && jobs[first - 1].workflow == workflow)
    --first;
  const bool is_alone =
      first == job && (job + 1 == jobs.size() || jobs[job + 1].workflow != workflow);
  return order_.plan.workflows[workflow].name +
         (is_alone ? "" : "[" + std::to_string(job - first) + "]");
}

Path Supervisor::folder_of(std::size_t job, std::size_t attempt) const {
  return attempt_folder(home_, name_, job, attempt);
}

void Supervisor::uploaded(SavedArtifacts result) {
  for (job::Artifact& artifact : result.artifacts) {
    orders_.add(artifact);
    journal_.add_artifact(std::move(artifact));
  }
  if (result.edits)
    journal_.add_edits(*std::move(result.edits));
  if (result.error.empty())
    journal_.add_workspace(result.job);
  finish(final_change(result));
}

void Supervisor::finish(store::JobChange change) {
  const std::size_t job = change.job;
  if (change.cause == Cause::exit)
    add_reason(change, why_a_file_was_missing(job));
  if (change.status == Status::failed)
    journal_.add_failure(job);
  const auto skipped = scheduler_.ended(job, change.status);
  journal_.add(std::move(change));
  for (const std::size_t other : skipped)
    skip(other);
}

std::string Supervisor::why_a_file_was_missing(std::size_t job) const {
  const auto end = JobLog(home_.job(name_, job)).read_end(end_of_log);
  if (!end)
    return {};
  return explain_missing_file(*end,
                              order_.plan.project,
                              order_.plan.jobs[job].spec.working_dir,
                              order_.code.snapshot,
                              store::ObjectStore(home_));
}

void Supervisor::skip(std::size_t job) {
  journal_.add(
      {job, Status::skipped, now(), "a workflow that it depends on did not end well", {}, {}, {}});
}

}  // namespace dstack::run
