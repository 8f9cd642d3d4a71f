// What a supervisor finds of one before it: jobs that are on record, runners that live, and ends
// of which nobody was told.
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/supervisor/supervisor.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/run_record.hpp"

#include <algorithm>

namespace dstack::run {

using job::Status;

Result<void> Supervisor::take_over() {
  DSTACK_TRY(const auto jobs, records_.jobs(run_.id));
  DSTACK_TRY(const auto artifacts, records_.artifacts(run_.id));
  for (const job::Artifact& artifact : artifacts)
    orders_.add(artifact);
  for (const store::JobRecord& job : jobs)
    scheduler_.restore(job.index, job.status);
  restore_ends(jobs);
  std::vector<End> ends;
  for (const store::JobRecord& job : jobs)
    if (!job::is_final(job.status))
      take_over(job, ends);
  // Judged only when all that live are known: an end may stop others.
  all_ended(std::move(ends));
  stop_failed_gangs();
  return {};
}

void Supervisor::restore_ends(const std::vector<store::JobRecord>& jobs) {
  const auto restore = [&](const store::JobRecord& job) {
    if (job::is_final(job.status))
      attempts_.restore_end(job.index, job.status);
  };
  if (run_.first_failure >= 0 && static_cast<std::size_t>(run_.first_failure) < jobs.size())
    restore(jobs[static_cast<std::size_t>(run_.first_failure)]);
  for (const store::JobRecord& job : jobs)
    restore(job);
}

void Supervisor::take_over(const store::JobRecord& job, std::vector<End>& ends) {
  std::size_t attempt = runners_.newest_attempt(job.index);
  Trace trace = attempt == 0 ? Trace::none : runners_.look(job.index, attempt);
  if (trace == Trace::none && attempt > 1)
    trace = runners_.look(job.index, --attempt);  // the newest has not come to life
  if (trace == Trace::none)
    return;
  attempts_.restore(job.index, attempt);
  if (order_.plan.jobs[job.index].spec.ports > 0)
    orders_.set_ports(job.index, runners_.ports(job.index, attempt));
  scheduler_.take(job.index);
  // What cannot be adopted the runner still holds.
  (void)reservations_.adopt(job.index, unfinished_of_gang(job.index));
  const std::size_t told = told_attempts(job, attempt);
  for (std::size_t earlier = told + 1; earlier < attempt; ++earlier)
    tell_again_late(job.index, earlier);
  if (told >= attempt)
    told_again_.insert(job.index);
  else
    replay_states(job.index, attempt);
  if (trace == Trace::alive)
    runners_.adopt(job.index, attempt);
  else
    ends.push_back(end_of(job.index, runners_.record(job.index, attempt)));
}

std::size_t Supervisor::unfinished_of_gang(std::size_t job) const {
  const auto members = scheduler_.gangs().members(job);
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [&](std::size_t member) {
        return !job::is_final(scheduler_.job_status(member));
      }));
}

std::size_t Supervisor::told_attempts(const store::JobRecord& job, std::size_t attempt) {
  if (attempt == 1 && job.status != Status::queued)
    return 0;
  const auto history = records_.history(run_.id, job.index);
  if (!history)
    return attempt;
  return static_cast<std::size_t>(
      std::count_if(history->begin(), history->end(), [](const auto& entry) {
        return entry.status == Status::queued && entry.cause;
      }));
}

void Supervisor::tell_again_late(std::size_t job, std::size_t attempt) {
  store::JobChange failure;
  for (const std::size_t member : scheduler_.gangs().members(job))
    if (const auto outcome = outcome_of(end_of(member, runners_.record(member, attempt)));
        outcome.status == Status::failed)
      failure = outcome;
  scheduler_.set_status(job, Status::queued);
  tell_again(job, attempt, failure);
}

void Supervisor::replay_states(std::size_t job, std::size_t attempt) {
  const auto text = read_file(folder_of(job, attempt) / file_names::states);
  if (!text)
    return;
  for (const std::string_view line : split(*text, '\n'))
    note(line);
}

}  // namespace dstack::run
