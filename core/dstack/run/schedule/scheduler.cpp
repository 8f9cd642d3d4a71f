#include "dstack/run/schedule/scheduler.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::run {

using job::Status;

Status Tally::combined() const {
  for (const Status status : {Status::aborting,
                              Status::stopping,
                              Status::running,
                              Status::uploading,
                              Status::preparing,
                              Status::downloading})
    if (count(status) > 0)
      return status;
  std::size_t ended = 0;
  for (const Status status :
       {Status::done, Status::failed, Status::aborted, Status::stopped, Status::skipped})
    ended += count(status);
  if (count(Status::submitted) + count(Status::queued) > 0) {
    if (ended > 0)
      return Status::running;  // some have ended and others not begun: it is under way
    return count(Status::queued) > 0 ? Status::queued : Status::submitted;
  }
  for (const Status status : {Status::failed, Status::aborted, Status::stopped, Status::skipped})
    if (count(status) > 0)
      return status;
  return Status::done;
}

Scheduler::Scheduler(const plan::Plan& plan, std::size_t parallel)
    : plan_(plan),
      gangs_(plan),
      parallel_(std::max<std::size_t>(1, parallel)),
      unfinished_(plan.jobs.size()),
      jobs_(plan.jobs.size(), Status::submitted),
      tallies_(plan.workflows.size()),
      taken_(plan.jobs.size(), false),
      gang_taken_(plan.jobs.size(), 0),
      jobs_of_(plan.workflows.size()),
      dependents_(plan::dependents(plan)),
      open_inputs_(plan.workflows.size(), 0) {
  for (std::size_t job = 0; job < plan.jobs.size(); ++job) {
    jobs_of_[plan.jobs[job].workflow].push_back(job);
    tallies_[plan.jobs[job].workflow].add(Status::submitted);
    all_.add(Status::submitted);
  }
  for (const auto& dependents : dependents_)
    for (const std::size_t dependent : dependents)
      ++open_inputs_[dependent];
  for (std::size_t workflow = 0; workflow < plan.workflows.size(); ++workflow)
    if (open_inputs_[workflow] == 0)
      ready_.insert(jobs_of_[workflow].begin(), jobs_of_[workflow].end());
}

void Scheduler::set_status(std::size_t job, Status status) {
  Tally& tally = tallies_[plan_.jobs[job].workflow];
  tally.remove(jobs_[job]);
  tally.add(status);
  all_.remove(jobs_[job]);
  all_.add(status);
  jobs_[job] = status;
}

void Scheduler::restore(std::size_t job, Status status) {
  if (job::is_final(status)) {
    ended(job, status);
    return;
  }
  set_status(job, status);
  if (status != Status::submitted && status != Status::queued)
    take(job);
}

void Scheduler::take(std::size_t job) {
  if (taken_[job] || job::is_final(jobs_[job]))
    return;
  taken_[job] = true;
  ready_.erase(job);
  if (gang_taken_[gangs_.leader(job)]++ == 0)
    ++running_;
}

std::vector<std::size_t> Scheduler::take_startable(
    const std::function<bool(std::size_t job)>& may_start) {
  std::vector<std::size_t> jobs;
  const auto take_gang = [&](std::size_t of) {
    for (const std::size_t job : gangs_.members(of))
      if (waits(job)) {
        take(job);
        jobs.push_back(job);
      }
  };
  // A supervisor that died may have started a part of a gang: the rest has its slot already.
  for (std::size_t job = 0; job < jobs_.size() && !is_complete_; ++job)
    if (waits(job) && gang_taken_[gangs_.leader(job)] > 0)
      take_gang(job);
  is_complete_ = true;
  for (auto next = ready_.begin(); has_free_slot() && next != ready_.end();) {
    const std::size_t job = *next;
    if (may_start(job))
      take_gang(job);
    next = ready_.upper_bound(job);
  }
  return jobs;
}

void Scheduler::give_back(std::size_t job) {
  if (taken_[job] && --gang_taken_[gangs_.leader(job)] == 0)
    --running_;
  taken_[job] = false;
}

void Scheduler::retry(std::size_t job) {
  give_back(job);
  set_status(job, Status::queued);
  ready_.insert(job);
}

void Scheduler::finish(std::size_t job, Status status) {
  if (job::is_final(jobs_[job]))
    return;
  set_status(job, status);
  ready_.erase(job);
  give_back(job);
  --unfinished_;
}

std::vector<std::size_t> Scheduler::ended(std::size_t job, Status status) {
  finish(job, status);
  const std::size_t workflow = plan_.jobs[job].workflow;
  if (status != Status::done)
    return skip_dependents(workflow);
  if (workflow_status(workflow) == Status::done)
    release_dependents(workflow);
  return {};
}

void Scheduler::release_dependents(std::size_t workflow) {
  for (const std::size_t dependent : dependents_[workflow])
    if (--open_inputs_[dependent] == 0)
      for (const std::size_t job : jobs_of_[dependent])
        if (waits(job))
          ready_.insert(job);
}

std::vector<std::size_t> Scheduler::skip_dependents(std::size_t workflow) {
  std::vector<std::size_t> skipped;
  std::vector<std::size_t> open = {workflow};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const std::size_t dependent : dependents_[at]) {
      bool any = false;
      for (const std::size_t job : jobs_of_[dependent])
        if (waits(job)) {
          finish(job, Status::skipped);
          skipped.push_back(job);
          any = true;
        }
      if (any)
        open.push_back(dependent);
    }
  }
  return skipped;
}

std::vector<std::size_t> Scheduler::stop_waiting(std::size_t workflow,
                                                 Status status,
                                                 std::vector<std::size_t>& skipped) {
  std::vector<std::size_t> stopped;
  for (const std::size_t job : jobs_of_[workflow])
    if (waits(job)) {
      finish(job, status);
      stopped.push_back(job);
    }
  if (!stopped.empty())
    for (const std::size_t job : skip_dependents(workflow))
      skipped.push_back(job);
  return stopped;
}

std::string Scheduler::reason_to_wait(std::size_t job) const {
  std::vector<std::string> names;
  for (const plan::Input& input : plan_.workflows[plan_.jobs[job].workflow].inputs)
    if (input.producer && workflow_status(*input.producer) != Status::done &&
        (names.empty() || names.back() != input.workflow))  // combinations of one are adjacent
      names.push_back(input.workflow);
  if (names.empty())
    return "waits for a free slot";
  if (names.size() > 4)
    return fmt::format("waits for {} workflows", names.size());
  return fmt::format("waits for {}", join(names, ", "));
}

Status Scheduler::run_status() const {
  const Status status = all_.combined();
  // Nothing is skipped without a cause; the cause counts.
  return status == Status::skipped ? Status::failed : status;
}

}  // namespace dstack::run
