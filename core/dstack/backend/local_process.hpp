// Where a job executes: here, as a process of this machine with everything it starts. The other
// place, a container engine, and later a cluster, get a file of their own beside this one.
#pragma once

#include "dstack/backend/usage.hpp"
#include "dstack/process/spawn.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::backend {

/// Where the ports of a job that executes here are reached: by other jobs, and by people at this
/// machine. A machine's own name may resolve to an address at which nothing listens.
inline constexpr const char* local_host = "127.0.0.1";

/// What to start. Everything is resolved already: nothing is looked up but the program.
struct Launch {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;  ///< complete
  std::string working_dir;                                       ///< absolute
  int output = -1;  ///< descriptor for standard output and error alike
  /// An agent of ours: what to start under the name argv[0] instead of looking it up; and further
  /// descriptors, {in the process, here}. Others find standard input empty, and nothing beyond.
  std::string program = {};
  std::vector<std::pair<int, int>> descriptors = {};
};

/// The process tree of one job. The calling process must be single-threaded and must have called
/// adopt_orphans(), so that every descendant which loses its parent becomes a child of it: also one
/// that left the session.
class LocalProcess {
 public:
  static void adopt_orphans();
  static Result<LocalProcess> start(const Launch& launch);

  /// Reaps every child that has ended, however it came to be one. Call it when SIGCHLD has arrived.
  void reap();

  /// How the job's own process ended; nothing while it lives.
  const std::optional<process::ExitStatus>& status() const { return status_; }

  /// Without its peak.
  const Usage& usage() const { return usage_; }

  /// True when the whole tree has ended and is reaped.
  bool gone() const { return gone_; }

  /// Sends to every process of the tree; a stopped one is woken so that it can act.
  void signal_all(int number) const;

 private:
  explicit LocalProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_;
  std::optional<process::ExitStatus> status_;
  Usage usage_;
  bool gone_ = false;
};

}  // namespace dstack::backend
