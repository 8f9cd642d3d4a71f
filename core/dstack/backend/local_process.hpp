// Executes a job as a process of this machine, with everything it starts. Other backends, such as
// container engines, are files beside this one.
#pragma once

#include "dstack/backend/usage.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/sandbox/confinement.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::backend {

/// The address of the ports of a job that executes here, for other jobs and for people on this
/// machine. A machine's own name may resolve to an address at which nothing listens.
inline constexpr const char* local_host = "127.0.0.1";

/// What to start. Everything is resolved; only the program is looked up.
struct Launch {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;  ///< complete
  std::string working_dir;                                       ///< absolute
  int output = -1;  ///< descriptor for standard output and error alike
  /// For dstack's agents: what to start under the name argv[0] instead of looking it up; and
  /// further descriptors, {in the process, here}. Others have an empty standard input and no more.
  std::string program = {};
  std::vector<std::pair<int, int>> descriptors = {};
  /// What it is kept from. `program` then has to be seen inside under its real path.
  std::optional<sandbox::Confinement> confinement = {};
};

/// The process tree of one job. The calling process must be single-threaded and must have called
/// adopt_orphans(), so that every descendant which loses its parent becomes a child of it: also one
/// that left the session.
class LocalProcess {
 public:
  static void adopt_orphans();
  static Result<LocalProcess> start(const Launch& launch);

  /// Reaps every child that has ended, including adopted ones. To be called after SIGCHLD.
  void reap();

  /// How the job's own process ended; nothing while it lives.
  const std::optional<process::ExitStatus>& status() const { return status_; }

  /// Without the peak memory.
  const Usage& usage() const { return usage_; }

  /// True when the whole tree has ended and is reaped.
  bool gone() const { return gone_; }

  /// Sends to every process of the tree, but those that end at the end of their input
  /// (process/tree.hpp); stopped ones are continued so that they can act.
  void stop(int number) const;
  void kill() const;

 private:
  /// The process group that it began: for when the tree cannot be read.
  void signal_session(int number) const;

  static Result<LocalProcess> start_confined(const Launch& launch, process::Command command);

  explicit LocalProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_;
  std::optional<process::ExitStatus> status_;
  Usage usage_;
  bool gone_ = false;
};

}  // namespace dstack::backend
