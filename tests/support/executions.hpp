// Which programs a command starts, directly or through others. Needs no privilege: the command is a
// child of the test.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/word_pointers.hpp"

#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::test {

struct Execution {
  std::string file;                ///< what /proc/PID/exe leads to
  std::vector<std::string> words;  ///< its command line
};

inline constexpr int cannot_be_traced = 125;

/// Runs a command to its end, and that of all that it starts. The first execution is its own. For
/// one thread, without other children.
inline std::vector<Execution> executions_of(const process::Command& command) {
  const std::vector<char*> argv = pointers_to(command.argv);
  const std::vector<char*> environment = pointers_to(*command.environment);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const int nothing = ::open("/dev/null", O_RDWR);
    if (::dup2(nothing, 0) != 0 || ::dup2(nothing, 1) != 1 || ::dup2(nothing, 2) != 2 ||
        ::chdir(command.working_dir.c_str()) != 0)
      ::_exit(126);
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
      ::_exit(cannot_be_traced);
    ::raise(SIGSTOP);
    ::execve(argv[0], argv.data(), environment.data());
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_be_traced)
    return {};
  REQUIRE(WIFSTOPPED(status));
  REQUIRE(::ptrace(PTRACE_SETOPTIONS,
                   pid,
                   nullptr,
                   PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                       PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) == 0);
  ::ptrace(PTRACE_CONT, pid, nullptr, 0);
  std::vector<Execution> found;
  for (pid_t stopped = 0; (stopped = ::waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status))
      continue;
    const int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC) {
      const Path folder = "/proc/" + std::to_string(stopped);
      boost::system::error_code error;
      Execution execution{fs::read_symlink(folder / "exe", error).string(), {}};
      const std::string words = read_kernel_file(folder / "cmdline").value_or("");
      for (const std::string_view word : split(words, '\0'))
        execution.words.emplace_back(word);
      found.push_back(std::move(execution));
    }
    const int signal = event == 0 && WSTOPSIG(status) != SIGSTOP ? WSTOPSIG(status) : 0;
    ::ptrace(PTRACE_CONT, stopped, nullptr, signal);
  }
  return found;
}

}  // namespace dstack::test
