// The runners of a run as its supervisor sees them: started by it, or found alive from a
// supervisor before it.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/supervisor/ports.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace dstack::run {

/// What stands in a job's folder, for a supervisor that takes over.
enum class Trace {
  none,   ///< no runner ever began
  alive,  ///< one is at work
  ended,  ///< there is an exit record
  lost,   ///< one began, and is dead without a record
};

class Runners {
 public:
  Runners(files::Home home, std::string run) : home_(std::move(home)), run_(std::move(run)) {}

  /// Starts a runner for a job. Its lock is taken before it exists and lives as long as it does,
  /// and so do the reservations of its ports, and of resources (a lifeline; -1: none).
  Result<void> start(const JobOrder& order, const std::vector<Port>& ports, int lifeline);
  /// The newest attempt of a job that somebody has begun, or was about to; 0: none.
  std::size_t newest_attempt(std::size_t job) const;
  Trace look(std::size_t job, std::size_t attempt) const;
  /// Watches a living runner that somebody else started.
  void adopt(std::size_t job, std::size_t attempt);

  /// Descriptors that become readable when a runner ends, with the job of each. An adopted one
  /// whose identity is not known yet has none: look_again() finds it.
  std::vector<std::pair<int, std::size_t>> watched() const;

  bool any_unknown() const { return unknown_ > 0; }

  /// Whether a runner of this job is at work.
  bool has(std::size_t job) const { return runners_.count(job) > 0; }

  /// Whether signal() reaches it: an unknown one is not reached yet.
  bool reaches(std::size_t job) const;

  /// The jobs among the unknown that have ended meanwhile; the others are watched from now on.
  std::vector<std::size_t> look_again();

  /// The runner of a job has ended: reaps it. Returns its record; nothing when it was killed.
  std::optional<ExitRecord> collect(std::size_t job);
  void signal(std::size_t job, int number) const;
  std::optional<ExitRecord> record(std::size_t job, std::size_t attempt) const;
  /// The ports that an attempt was given.
  std::vector<std::uint16_t> ports(std::size_t job, std::size_t attempt) const;

 private:
  struct Runner {
    std::optional<process::Child> child;  ///< started by this process
    Fd pidfd;                             ///< adopted
    std::size_t attempt = 1;
  };

  Path folder(std::size_t job, std::size_t attempt) const {
    return attempt_folder(home_, run_, job, attempt);
  }

  bool locked(std::size_t job, std::size_t attempt) const;
  void find(std::size_t job, Runner& runner) const;

  files::Home home_;
  std::string run_;
  std::map<std::size_t, Runner> runners_;
  std::size_t unknown_ = 0;
};

}  // namespace dstack::run
