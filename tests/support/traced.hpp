// A program whose memory is looked into at the moment when it ends, with all that it has ever held
// and not overwritten. Needs no privilege: the program is a child of the test.
#pragma once

#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/word_pointers.hpp"

#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::test {

/// Runs a command with its output in a file, and calls `look` when it has done everything but
/// vanish. Returns its wait status. For one thread from begin to end.
inline int run_traced(const process::Command& command,
                      const std::string& output,
                      const std::function<void(pid_t pid)>& look) {
  const std::vector<char*> argv = pointers_to(command.argv);
  const std::vector<char*> environment = pointers_to(*command.environment);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (::dup2(file, 1) != 1 || ::dup2(file, 2) != 2 || ::chdir(command.working_dir.c_str()) != 0)
      ::_exit(126);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execve(argv[0], argv.data(), environment.data());
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSTOPPED(status));  // at its execve
  REQUIRE(::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) == 0);
  long signal = 0;
  for (;;) {
    ::ptrace(PTRACE_CONT, pid, nullptr, signal);
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    if (!WIFSTOPPED(status))
      return status;
    const bool ends = status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
    if (ends)
      look(pid);
    signal = ends ? 0 : WSTOPSIG(status);
  }
}

}  // namespace dstack::test
