// Starting other programs. Everything starts with default signal handling, an empty mask and only
// the descriptors named here.
#pragma once

#include "dstack/base/fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

struct Exited {
  int code = 0;
};

struct Signaled {
  int signal = 0;
};

using ExitStatus = std::variant<Exited, Signaled>;

bool succeeded(const ExitStatus& status);
/// "exit code 3", "killed by SIGKILL".
std::string render(const ExitStatus& status);
/// "SIGKILL"; "signal 64" for one without a name.
std::string signal_name(int signal);
/// From the status word of waitpid.
ExitStatus decode_wait_status(int status);

/// This program, in another role: for Command::program.
inline constexpr const char* own_program = "/proc/self/exe";
/// Bytes that the kernel takes in one argument or variable, the NUL at its end included.
inline constexpr std::size_t longest_argument = 131'072;

enum class Group {
  same,         ///< of the caller
  own_group,    ///< its own process group: a terminal's Ctrl-C does not reach it
  own_session,  ///< its own session: nor does a terminal's end
};

/// What a child may be interrupted by from its first instruction on.
enum class Signals {
  unblocked,
  blocked,  ///< until it is ready for them: for programs of ours, which then read them as events
};

struct Command {
  /// The program, with a slash or to be looked up in the caller's PATH (find_program()), and its
  /// arguments.
  std::vector<std::string> argv;
  std::optional<std::vector<std::string>> environment;  ///< NAME=VALUE; else the caller's
  std::string working_dir;                              ///< empty: the caller's
  /// Descriptors of the child: {in the child, in the caller}. Those of 0, 1 and 2 that are not
  /// named are /dev/null.
  std::vector<std::pair<int, int>> descriptors;
  Group group = Group::same;
  std::string program = {};  ///< what to start where argv[0] is to be something else
  Signals signals = Signals::unblocked;
};

/// A started child. Destroying it while it runs neither kills nor waits: call wait().
class Child {
 public:
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid() const { return pid_; }

  /// Becomes readable when the child ends; for poll().
  int pidfd() const { return pidfd_.get(); }

  /// Through the pidfd, so never to another process. One that has ended is not an error.
  void signal(int number) const;
  /// Waits for its end and reaps it. Call once.
  ExitStatus wait();

 private:
  pid_t pid_;
  Fd pidfd_;
};

/// ErrorCode::not_found when there is no such program. The hint is the next step for each of the
/// system's reasons (start_failure.hpp).
Result<Child> spawn(const Command& command);

/// The absolute path of a program looked up in a PATH, where only absolute folders count: nothing
/// is started because it lies in the folder that somebody happens to be in. Nothing when it is not
/// there or not executable.
std::optional<std::string> find_program(std::string_view name, std::string_view path);

struct Output {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// Runs a command to its end with `input` on its standard input, collecting both outputs
/// (descriptors 0, 1 and 2 of the command are taken). Past the deadline its process group is killed
/// and ErrorCode::unavailable returned. For any number of threads at once.
Result<Output> run(Command command,
                   std::string_view input = {},
                   std::optional<std::chrono::milliseconds> deadline = std::nullopt);

}  // namespace dstack::process
