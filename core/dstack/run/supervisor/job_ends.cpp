#include "dstack/run/supervisor/job_ends.hpp"

#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dstack::run {

using job::Cause;
using job::Status;
using job::StopRequest;

namespace {

/// What is found while the artifacts are stored makes a job fail that would be done.
void fail_for(store::JobChange& change, Cause cause, const std::string& reason) {
  if (change.status == Status::done) {
    change.status = Status::failed;
    change.cause = cause;
  }
  add_reason(change, reason);
}

}  // namespace

void JobEnds::ended(std::vector<End> ends) {
  std::stable_sort(ends.begin(), ends.end(), [](const End& a, const End& b) {
    return a.at.elapsed < b.at.elapsed;
  });
  for (End& end : ends) {
    unjudged_.insert(end.job);
    queue_.push_back(std::move(end));
  }
  judge_all();
}

void JobEnds::not_started(std::size_t job, const Error& error) {
  End end{job, {}};
  end.record.outcome = ExitRecord::Outcome::not_started;
  end.record.message = render(error);
  end.at = progress_.now();
  log_decision(fmt::format("job {} cannot start: {}", job, end.record.message));
  ended({std::move(end)});
}

void JobEnds::stop_failed_gangs() {
  for (const std::size_t job : progress_.attempts.first_failures())
    stop_rest_of_gang(job);
  judge_all();
}

void JobEnds::judge_all() {
  while (!queue_.empty()) {
    End end = std::move(queue_.front());
    queue_.pop_front();
    unjudged_.erase(end.job);
    judge(std::move(end));
  }
}

void JobEnds::judge(End end) {
  const std::size_t job = end.job;
  if (end.lost) {
    log_decision(fmt::format("the runner of job {} was killed: ends its processes", job));
    if (const auto ended = parts_.traces.end_orphans(job, progress_.attempts.begun(job)); !ended)
      end.record.warnings.push_back(render(ended.error()));
  }
  parts_.leases.ended(job);
  const auto policy =
      progress_.stop_asked_of(job) == StopRequest::none ? RetryPolicy::retry : RetryPolicy::give_up;
  const Attempts::Verdict verdict = progress_.attempts.ended(std::move(end), policy);
  for (const End& over : verdict.over)
    settle(over);
  for (const std::size_t other : verdict.retry)
    retry(other, verdict.failure);
  stop_rest_of_gang(job);
}

void JobEnds::retry(std::size_t job, const store::JobChange& failure) {
  progress_.scheduler.retry(job);
  parts_.saver.discard(progress_.job_order(job));
  if (progress_.recorded_retries.erase(job) == 0)
    progress_.record_retry(job, progress_.attempts.begun(job), failure);
}

void JobEnds::stop_rest_of_gang(std::size_t job) {
  for (const std::size_t other : progress_.gangs.to_stop_with(job)) {
    if (unjudged_.contains(other))
      continue;
    if (parts_.runners.reaches(other)) {
      stops_.stop(other, StopRequest::stop);
    } else if (!parts_.runners.has(other)) {
      progress_.scheduler.take(other);
      End end{other, {}};
      end.record.outcome = ExitRecord::Outcome::not_started;
      end.record.stop = StopRequest::stop;
      end.at = progress_.now();
      unjudged_.insert(other);
      queue_.push_back(std::move(end));
    }
  }
}

void JobEnds::settle(const End& end) {
  const std::size_t job = end.job;
  const ExitRecord& record = end.record;
  if (end.lost)
    lost_.insert(job);
  if (outcome_of(end).status == Status::failed)
    progress_.journal.add_failure(job);
  const bool has_not_started = record.outcome == ExitRecord::Outcome::not_started;
  const bool has_something =
      !progress_.order.plan.jobs[job].spec.artifacts.empty() || record.edited;
  if (has_something && record.stop != StopRequest::abort && !has_not_started) {
    save(end);
    return;
  }
  if (end.lost || has_not_started)
    parts_.traces.remove_workspace(job, progress_.attempts.begun(job));
  SavedArtifacts nothing;
  nothing.job = job;
  nothing.record = record;
  finish(final_change(nothing));
}

void JobEnds::save(const End& end) {
  const plan::PlannedJob& planned = progress_.order.plan.jobs[end.job];
  // A runner may have reported it already.
  if (progress_.scheduler.job_status(end.job) != Status::uploading)
    progress_.set_status(end.job, Status::uploading);
  // Only a runner ensures that the whole process tree is gone, and only a workspace of the job's
  // own is removed with it.
  const bool is_over = !end.lost && planned.spec.workspace != job::WorkspaceKind::project;
  parts_.saver.start(progress_.job_order(end.job),
                     progress_.order.plan.workflows[planned.workflow].name,
                     end.record,
                     is_over ? store::Originals::go : store::Originals::stay);
}

store::JobChange JobEnds::final_change(const SavedArtifacts& saved) const {
  const std::size_t job = saved.job;
  ExitRecord record = saved.record;
  if (saved.given_up)
    record.stop = StopRequest::abort;
  store::JobChange change = outcome_of({job, record, lost_.contains(job)});
  if (const auto first = progress_.gangs.stopped_for(change, progress_.stop_asked_of(job)))
    change.reason = fmt::format("stopped because {} failed first", progress_.label(*first));
  if (!saved.error.empty())
    fail_for(change, Cause::lost, saved.error);
  if (!saved.missing.empty())
    fail_for(change, Cause::artifact, saved.missing);
  change.warnings.insert(change.warnings.end(), saved.warnings.begin(), saved.warnings.end());
  change.at = progress_.now();
  return change;
}

void JobEnds::saved(SavedArtifacts result) {
  for (job::Artifact& artifact : result.artifacts) {
    progress_.orders.add(artifact);
    progress_.journal.add_artifact(std::move(artifact));
  }
  if (result.edits)
    progress_.journal.add_edits(*std::move(result.edits));
  if (result.error.empty() && result.no_room.empty())
    progress_.journal.add_workspace(result.job);
  finish(final_change(result));
}

void JobEnds::finish(store::JobChange change) {
  const std::size_t job = change.job;
  if (change.cause == Cause::exit)
    add_reason(change, parts_.explain_failure(job));
  if (change.status == Status::failed)
    progress_.journal.add_failure(job);
  log_decision(fmt::format("job {} is over: {}{}",
                           job,
                           job::render(change.status),
                           change.reason.empty() ? "" : fmt::format(": {}", change.reason)));
  const auto skipped = progress_.scheduler.ended(job, change.status);
  const auto limit = progress_.failures.ended(job, change.status, change.at.elapsed);
  progress_.journal.add(std::move(change));
  progress_.skip(skipped);
  if (limit)
    progress_.hold_back(*limit);
}

}  // namespace dstack::run
