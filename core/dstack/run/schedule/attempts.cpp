#include "dstack/run/schedule/attempts.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/store/records/changes.hpp"

#include <algorithm>
#include <utility>

namespace dstack::run {

using job::Cause;
using job::Status;
using job::StopRequest;

void add_reason(store::JobChange& change, const std::string& sentence) {
  if (!sentence.empty())
    change.reason += (change.reason.empty() ? "" : "; ") + sentence;
}

namespace {

store::JobChange outcome_of_lost(const End& end) {
  store::JobChange change;
  change.job = end.job;
  change.at = end.at;
  change.status = Status::failed;
  change.cause = Cause::lost;
  change.reason = end.record.message;
  if (change.reason.empty())
    change.reason = "its runner was killed or ran out of memory, or the machine went down";
  change.warnings = end.record.warnings;
  return change;
}

/// How often a job whose port was taken by somebody is given others, beside its own attempts.
constexpr std::size_t most_other_ports = 4;

/// A job that cannot be started now cannot be started a moment later either.
bool may_help_to_retry(const store::JobChange& outcome) {
  return outcome.status == Status::failed && outcome.cause != Cause::start;
}

}  // namespace

store::JobChange outcome_of(const End& end) {
  if (end.lost)
    return outcome_of_lost(end);
  const ExitRecord& record = end.record;
  store::JobChange change;
  change.job = end.job;
  change.at = end.at;
  change.usage = record.usage;
  change.workspace = record.workspace;
  change.warnings = record.warnings;
  if (record.stop != StopRequest::none) {
    change.status = record.stop == StopRequest::abort ? Status::aborted : Status::stopped;
    return change;
  }
  switch (record.outcome) {
    case ExitRecord::Outcome::exited:
      change.exit_code = record.number;
      // A job that was ended by its timeout may exit with 0.
      change.status = record.number == 0 && !record.cause ? Status::done : Status::failed;
      if (change.status == Status::failed)
        change.cause = record.cause.value_or(Cause::exit);
      break;
    case ExitRecord::Outcome::signaled:
      change.signal = record.number;
      change.status = Status::failed;
      change.cause = record.cause.value_or(Cause::signal);
      break;
    case ExitRecord::Outcome::not_started:
      change.status = Status::failed;
      change.cause = record.cause.value_or(Cause::start);
      break;
  }
  if (change.status == Status::failed)
    add_reason(change, record.message);
  return change;
}

Attempts::Attempts(const plan::Plan& plan, const Gangs& gangs)
    : plan_(plan), gangs_(gangs), begun_(plan.jobs.size(), 0) {}

std::size_t Attempts::most(std::size_t job) const {
  std::size_t retry = 0;
  for (const std::size_t member : gangs_.members(job))
    retry = std::max<std::size_t>(retry, plan_.jobs[member].spec.retry);
  const auto others = other_ports_.find(gangs_.leader(job));
  return retry + 1 + (others == other_ports_.end() ? 0 : others->second.attempts);
}

void Attempts::restore_end(std::size_t job, Status status) {
  if (gangs_.members(job).size() == 1)
    return;
  AtWork& gang = gangs_at_work_[gangs_.leader(job)];
  gang.is_last = true;
  if (status != Status::failed || gang.failure)
    return;
  gang.failure.emplace();
  gang.failure->job = job;
  gang.failure->status = status;
}

void Attempts::note_taken_port(std::size_t job, const std::string& why) {
  OtherPorts& others = other_ports_[gangs_.leader(job)];
  others.why = why;
  if (others.attempts < most_other_ports)
    ++others.attempts;
}

std::string Attempts::why_other_ports(std::size_t job) const {
  const auto others = other_ports_.find(gangs_.leader(job));
  return others == other_ports_.end() ? "" : others->second.why;
}

Attempts::Verdict Attempts::ended(End end, RetryPolicy policy) {
  const auto members = gangs_.members(end.job);
  const store::JobChange outcome = outcome_of(end);
  if (outcome.cause == Cause::port)
    note_taken_port(end.job, outcome.reason);
  const bool can_repeat = policy == RetryPolicy::retry && begun(end.job) < most(end.job);
  if (members.size() == 1) {
    if (can_repeat && may_help_to_retry(outcome))
      return {{}, {end.job}, outcome};
    Verdict verdict;
    verdict.over.push_back(std::move(end));
    return verdict;
  }
  AtWork& gang = gangs_at_work_[gangs_.leader(end.job)];
  if (outcome.status == Status::failed && !gang.failure)
    gang.failure = outcome;
  const bool is_hopeless = outcome.status == Status::failed && !may_help_to_retry(outcome);
  gang.is_last = gang.is_last || !can_repeat || is_hopeless;
  gang.held.push_back(std::move(end));
  if (!gang.is_last && gang.held.size() < members.size())
    return {};
  if (!gang.is_last && gang.failure) {
    Verdict verdict{{}, {members.begin(), members.end()}, *gang.failure};
    gangs_at_work_.erase(gangs_.leader(members.front()));
    return verdict;
  }
  return {std::exchange(gang.held, {}), {}, {}};
}

bool Attempts::holds(std::size_t job) const {
  const auto found = gangs_at_work_.find(gangs_.leader(job));
  return found != gangs_at_work_.end() &&
         std::any_of(found->second.held.begin(), found->second.held.end(), [&](const End& end) {
           return end.job == job;
         });
}

std::optional<std::size_t> Attempts::failed_first(std::size_t job) const {
  const auto found = gangs_at_work_.find(gangs_.leader(job));
  if (found == gangs_at_work_.end() || !found->second.failure)
    return std::nullopt;
  return found->second.failure->job;
}

std::vector<std::size_t> Attempts::first_failures() const {
  std::vector<std::size_t> jobs;
  for (const auto& [leader, gang] : gangs_at_work_)
    if (gang.failure)
      jobs.push_back(gang.failure->job);
  return jobs;
}

}  // namespace dstack::run
