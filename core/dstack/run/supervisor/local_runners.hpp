// The runners of jobs on this machine: processes that this one started, or found alive from a
// supervisor before it.
#pragma once

#include "dstack/process/spawn.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/supervisor/attempt_folders.hpp"
#include "dstack/run/supervisor/job_runners.hpp"
#include "dstack/run/supervisor/ports.hpp"
#include "dstack/run/supervisor/serving_runners.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

class LocalRunners : public JobRunners {
 public:
  /// `folders` must outlive it.
  LocalRunners(std::string run, const AttemptFolders& folders)
      : run_(std::move(run)), folders_(folders), idle_(run_) {}

  Result<std::vector<std::uint16_t>> reserve_ports(std::size_t job, std::size_t count) override;
  void release_ports() override;
  /// The job's lock is taken before its runner has it and lives as long as it works for the job,
  /// and so do the reservations of its ports, and its lease (a descriptor; -1: none).
  Result<void> start(const JobOrder& order, int lease) override;
  void adopt(std::size_t job, std::size_t attempt) override;
  bool has(std::size_t job) const override;
  bool reaches(std::size_t job) const override;
  std::vector<std::size_t> reached() const override;
  void stop(std::size_t job, job::StopRequest request) override;
  Result<std::optional<ExitRecord>> collect(std::size_t job) override;

  /// Descriptors that become readable when a job's runner ends, or is ready for another job, with
  /// the job of each. An adopted one whose identity is not known yet has none: look_again() finds
  /// it.
  std::vector<std::pair<int, std::size_t>> watched() const;

  /// Reads the record of a job whose descriptor is readable. False: it cannot be read at the
  /// moment, and its end is known only when look_again() can read it, or gives up.
  bool read_record(std::size_t job);

  /// Those that have no job.
  IdleRunners& idle() { return idle_; }

  /// Whether look_again() is to be called a moment later.
  bool any_unknown() const { return unknown_ + unread_ > 0; }

  /// Of those that were unknown: which are watched from now on, and which have ended meanwhile. Of
  /// those that have ended: whose record is read now, or will never be.
  struct Found {
    std::size_t watched = 0;
    std::vector<std::size_t> ended;
  };

  Found look_again();

 private:
  struct Runner {
    std::optional<process::Child> child;  ///< started by this process
    Fd socket;                            ///< and may take another order
    Fd pidfd;                             ///< adopted
    std::size_t attempt = 1;
    bool is_signalled = false;
    std::optional<Result<std::optional<ExitRecord>>> record;  ///< of a job that has ended
    int failures = 0;                                         ///< to read it
  };

  Result<Runner> start_own(const JobOrder& order, int text, int lock, int lease);
  Result<Runner> start_plain(std::size_t job, int text, int lock);
  /// How its process ended, where that is known by now.
  std::optional<process::ExitStatus> release(Runner runner);

  static bool is_unread(const Runner& runner) { return runner.failures > 0 && !runner.record; }

  std::string run_;
  const AttemptFolders& folders_;
  IdleRunners idle_;
  std::map<std::size_t, Runner> runners_;              ///< by job
  std::map<std::size_t, std::vector<Port>> reserved_;  ///< by job, until its runner has them
  std::size_t unknown_ = 0;
  std::size_t unread_ = 0;  ///< jobs that have ended, and whose record could not be read yet
};

}  // namespace dstack::run
