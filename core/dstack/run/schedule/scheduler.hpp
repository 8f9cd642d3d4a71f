// Decides what may start next, and what an end means for the rest. Pure: knows no process, no
// clock, no disk.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/run/schedule/gangs.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <set>
#include <vector>

namespace dstack::run {

/// Why a job is skipped that waits for one that did not succeed.
inline constexpr const char* skipped_with_dependency =
    "a workflow that it depends on did not succeed";

/// How many of some jobs are in each status.
class Tally {
 public:
  void add(job::Status status) { ++counts_[static_cast<std::size_t>(status)]; }

  void remove(job::Status status) { --counts_[static_cast<std::size_t>(status)]; }

  std::size_t count(job::Status status) const { return counts_[static_cast<std::size_t>(status)]; }

  /// One status for all of them: the most active one while some go on; when all have ended, a
  /// failure counts most.
  job::Status combined() const;

 private:
  std::array<std::size_t, 13> counts_{};
};

/// States of all jobs of a run, and the rules between them (spec, sections 6 and 9).
class Scheduler {
 public:
  Scheduler(const plan::Plan& plan, std::size_t parallel);

  /// Takes over what is known of a job: of a run that another supervisor began.
  void restore(std::size_t job, job::Status status);
  /// A runner of this job is found: it has been started, whatever is on record.
  void take(std::size_t job);

  const Gangs& gangs() const { return gangs_; }

  /// Jobs that should be started now, in order, as many as may run beside those that do. Each
  /// counts as running from here on until ended() or retry() is called. A gang comes whole, masters
  /// first, and takes one slot. One for which `may_start` is false is skipped: it waits for
  /// something else.
  std::vector<std::size_t> take_startable(const std::function<bool(std::size_t job)>& may_start =
                                              [](std::size_t) { return true; });

  bool has_free_slot() const { return running_ < parallel_; }

  /// A job that was handed out has ended, but not for good: it waits to be handed out once more.
  void retry(std::size_t job);
  /// A job came to its end. Returns the jobs that will never start because of it: they are skipped
  /// now.
  std::vector<std::size_t> ended(std::size_t job, job::Status status);
  /// Nothing of this workflow will start any more. Returns its jobs that had not: they are stopped
  /// now; and puts those that waited for it into `skipped`.
  std::vector<std::size_t> stop_waiting(std::size_t workflow,
                                        job::Status status,
                                        std::vector<std::size_t>& skipped);

  job::Status job_status(std::size_t job) const { return jobs_[job]; }

  void set_status(std::size_t job, job::Status status);

  bool waits(std::size_t job) const { return !taken_[job] && !job::is_final(jobs_[job]); }

  /// "waits for download", or "waits for a free slot": why a job has not started.
  std::string reason_to_wait(std::size_t job) const;

  job::Status workflow_status(std::size_t workflow) const { return tallies_[workflow].combined(); }

  job::Status run_status() const;

  bool finished() const { return unfinished_ == 0; }

 private:
  void finish(std::size_t job, job::Status status);
  void give_back(std::size_t job);
  std::vector<std::size_t> skip_dependents(std::size_t workflow);
  void release_dependents(std::size_t workflow);

  const plan::Plan& plan_;
  Gangs gangs_;
  std::size_t parallel_;
  std::size_t running_ = 0;  ///< gangs
  std::size_t unfinished_ = 0;
  std::vector<job::Status> jobs_;
  std::vector<Tally> tallies_;  ///< by workflow
  Tally all_;
  std::vector<bool> taken_;              ///< by job: handed out by take_startable()
  std::vector<std::size_t> gang_taken_;  ///< by leader: how many of its gang are handed out
  bool is_complete_ = false;             ///< no gang is handed out in part any more
  std::vector<std::vector<std::size_t>> jobs_of_;     ///< by workflow
  std::vector<std::vector<std::size_t>> dependents_;  ///< by workflow
  std::vector<std::size_t> open_inputs_;              ///< by workflow: producers that are not done
  std::set<std::size_t> ready_;                       ///< jobs, in order
};

}  // namespace dstack::run
