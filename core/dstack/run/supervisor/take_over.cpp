#include "dstack/run/supervisor/take_over.hpp"

#include "dstack/base/patience.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>
#include <string>
#include <utility>

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
      DSTACK_CHECK(find(job, ends));
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
  restore_failures(jobs);
}

/// In the order of their ends; what was held back because of them is on record, or held back now.
void TakeOver::restore_failures(const std::vector<store::JobRecord>& jobs) {
  std::vector<const store::JobRecord*> over;
  for (const store::JobRecord& job : jobs) {
    if (job.started_at)
      progress_.failures.began(job.index, job.started_at->elapsed);
    if (job.finished_at)
      over.push_back(&job);
  }
  std::stable_sort(over.begin(), over.end(), [](const auto* a, const auto* b) {
    return a->finished_at->elapsed < b->finished_at->elapsed;
  });
  for (const store::JobRecord* job : over)
    if (const auto limit =
            progress_.failures.ended(job->index, job->status, job->finished_at->elapsed))
      progress_.hold_back(*limit);
}

Result<void> TakeOver::find(const store::JobRecord& job, std::vector<End>& ends) {
  const AttemptTraces& traces = parts_.traces;
  DSTACK_TRY(std::size_t attempt, with_patience([&] { return traces.newest(job.index); }));
  Trace trace = Trace::none;
  const auto look = [&] { return traces.look(job.index, attempt); };
  if (attempt > 0) {
    DSTACK_TRY(trace, with_patience(look));
  }
  if (trace == Trace::none && attempt > 1) {
    --attempt;  // the newest never started
    DSTACK_TRY(trace, with_patience(look));
  }
  if (trace == Trace::none && job.status <= Status::queued)
    return {};
  if (trace == Trace::none) {
    trace = Trace::lost;  // it began: that is on record. A power cut has taken what it left
    attempt = std::max<std::size_t>(attempt, 1);
  }
  log_decision(describe(job.index, attempt, trace));
  progress_.attempts.restore(job.index, attempt);
  if (progress_.order.plan.jobs[job.index].spec.ports > 0) {
    DSTACK_TRY(auto ports, with_patience([&] { return traces.ports(job.index, attempt); }));
    progress_.orders.set_ports(job.index, std::move(ports));
  }
  // Without them an artifact would lack what its job left as it was.
  if (const auto gathered = progress_.orders.gather(job.index); !gathered)
    log_decision(fmt::format("job {}: {}", job.index, render(gathered.error())));
  progress_.scheduler.take(job.index);
  // If it cannot be adopted, the runner still holds it.
  (void)parts_.leases.adopt(job.index, progress_.gangs.unfinished(job.index));
  DSTACK_TRY(const std::size_t recorded, recorded_attempts(job, attempt));
  for (std::size_t earlier = recorded + 1; earlier < attempt; ++earlier)
    DSTACK_CHECK(record_missed_retry(job.index, earlier));
  if (recorded >= attempt) {
    progress_.recorded_retries.insert(job.index);
  } else {
    DSTACK_TRY(const auto messages,
               with_patience([&] { return traces.messages(job.index, attempt); }));
    for (const std::string& message : messages)
      progress_.note(message);
  }
  if (trace == Trace::alive) {
    parts_.runners.adopt(job.index, attempt);
  } else {
    DSTACK_TRY(End end, end_of(job.index, attempt));
    ends.push_back(std::move(end));
  }
  return {};
}

Result<End> TakeOver::end_of(std::size_t job, std::size_t attempt) {
  DSTACK_TRY(auto record, with_patience([&] { return parts_.traces.record(job, attempt); }));
  return progress_.end_of(job, std::move(record));
}

Result<std::size_t> TakeOver::recorded_attempts(const store::JobRecord& job, std::size_t attempt) {
  if (attempt == 1 && job.status != Status::queued)
    return std::size_t{0};
  DSTACK_TRY(const auto steps, parts_.history.steps(job.index));
  return static_cast<std::size_t>(std::count_if(steps.begin(), steps.end(), [](const auto& step) {
    return step.status == Status::queued && step.cause;
  }));
}

Result<void> TakeOver::record_missed_retry(std::size_t job, std::size_t attempt) {
  store::JobChange failure;
  for (const std::size_t member : progress_.scheduler.gangs().members(job)) {
    DSTACK_TRY(const End end, end_of(member, attempt));
    if (const auto outcome = outcome_of(end); outcome.status == Status::failed)
      failure = outcome;
  }
  progress_.scheduler.set_status(job, Status::queued);
  progress_.record_retry(job, attempt, failure);
  return {};
}

}  // namespace dstack::run
