#include "dstack/run/supervisor/take_over.hpp"

#include "dstack/job/artifact.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>
#include <string>

namespace dstack::run {

using job::Status;

namespace {

std::string describe(std::size_t job, std::size_t attempt, Trace trace) {
  return fmt::format("takes over job {}, attempt {}: {}",
                     job,
                     attempt,
                     trace == Trace::alive   ? "its runner is running"
                     : trace == Trace::ended ? "it has ended"
                                             : "its runner was killed");
}

}  // namespace

Result<std::vector<End>> TakeOver::find() {
  DSTACK_TRY(const auto jobs, parts_.history.jobs());
  DSTACK_TRY(const auto artifacts, parts_.history.artifacts());
  for (const job::Artifact& artifact : artifacts)
    progress_.orders.add(artifact);
  for (const store::JobRecord& job : jobs)
    progress_.scheduler.restore(job.index, job.status);
  restore_ends(jobs);
  std::vector<End> ends;
  for (const store::JobRecord& job : jobs)
    if (!job::is_final(job.status))
      find(job, ends);
  return ends;
}

void TakeOver::restore_ends(const std::vector<store::JobRecord>& jobs) {
  const auto restore = [&](const store::JobRecord& job) {
    if (job::is_final(job.status))
      progress_.attempts.restore_end(job.index, job.status);
  };
  const std::int64_t first = progress_.run.first_failure;
  if (first >= 0 && static_cast<std::size_t>(first) < jobs.size())
    restore(jobs[static_cast<std::size_t>(first)]);
  for (const store::JobRecord& job : jobs)
    restore(job);
}

void TakeOver::find(const store::JobRecord& job, std::vector<End>& ends) {
  std::size_t attempt = parts_.traces.newest(job.index);
  Trace trace = attempt == 0 ? Trace::none : parts_.traces.look(job.index, attempt);
  if (trace == Trace::none && attempt > 1)
    trace = parts_.traces.look(job.index, --attempt);  // the newest never started
  if (trace == Trace::none && job.status <= Status::queued)
    return;
  if (trace == Trace::none) {
    trace = Trace::lost;  // it began: that is on record. A power cut has taken what it left
    attempt = std::max<std::size_t>(attempt, 1);
  }
  log_decision(describe(job.index, attempt, trace));
  progress_.attempts.restore(job.index, attempt);
  if (progress_.order.plan.jobs[job.index].spec.ports > 0)
    progress_.orders.set_ports(job.index, parts_.traces.ports(job.index, attempt));
  progress_.scheduler.take(job.index);
  // If it cannot be adopted, the runner still holds it.
  (void)parts_.leases.adopt(job.index, progress_.gangs.unfinished(job.index));
  const std::size_t recorded = recorded_attempts(job, attempt);
  for (std::size_t earlier = recorded + 1; earlier < attempt; ++earlier)
    record_missed_retry(job.index, earlier);
  if (recorded >= attempt)
    progress_.recorded_retries.insert(job.index);
  else
    for (const std::string& message : parts_.traces.messages(job.index, attempt))
      progress_.note(message);
  if (trace == Trace::alive)
    parts_.runners.adopt(job.index, attempt);
  else
    ends.push_back(progress_.end_of(job.index, parts_.traces.record(job.index, attempt)));
}

std::size_t TakeOver::recorded_attempts(const store::JobRecord& job, std::size_t attempt) {
  if (attempt == 1 && job.status != Status::queued)
    return 0;
  const auto steps = parts_.history.steps(job.index);
  if (!steps)
    return attempt;
  return static_cast<std::size_t>(std::count_if(steps->begin(), steps->end(), [](const auto& step) {
    return step.status == Status::queued && step.cause;
  }));
}

void TakeOver::record_missed_retry(std::size_t job, std::size_t attempt) {
  store::JobChange failure;
  for (const std::size_t member : progress_.scheduler.gangs().members(job))
    if (const auto outcome =
            outcome_of(progress_.end_of(member, parts_.traces.record(member, attempt)));
        outcome.status == Status::failed)
      failure = outcome;
  progress_.scheduler.set_status(job, Status::queued);
  progress_.record_retry(job, attempt, failure);
}

}  // namespace dstack::run
