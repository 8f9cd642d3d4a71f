// The program on a terminal of its own, with a test at the keyboard.
#pragma once

#include "dstack/base/fd.hpp"
#include "support/sandbox.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::test {

class PseudoTerminal {
 public:
  PseudoTerminal(const process::Command& command,
                 unsigned short rows = 30,
                 unsigned short columns = 100) {
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0)
      become(command);
    master_ = Fd(master);
  }

  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  ~PseudoTerminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  void type(const std::string& keys) const { REQUIRE(write_all(master_.get(), keys)); }

  void resize(unsigned short rows, unsigned short columns) const {
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    ::ioctl(master_.get(), TIOCSWINSZ, &size);
  }

  /// Reads until this text has appeared; everything that came so far.
  const std::string& read_until(const std::string& text) {
    // What was waited for before does not count again.
    while (shown_.find(text, seen_) == std::string::npos)
      if (!read_more())
        FAIL("the terminal never showed '" << text << "' but only:\n" << shown_);
    seen_ = shown_.find(text, seen_) + text.size();
    return shown_;
  }

  /// Reads to the end of the program; its exit code, or 128 and the signal.
  int finish() {
    while (read_more()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  /// Hangs up the terminal.
  void hang_up() { master_.reset(); }

  const std::string& shown() const { return shown_; }

 private:
  [[noreturn]] static void become(const process::Command& command) {
    std::vector<char*> argv;
    std::vector<char*> environment;
    for (const std::string& word : command.argv)
      argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    for (const std::string& variable : *command.environment)
      environment.push_back(const_cast<char*>(variable.c_str()));
    environment.push_back(nullptr);
    if (::chdir(command.working_dir.c_str()) == 0)
      ::execve(argv[0], argv.data(), environment.data());
    ::_exit(127);
  }

  bool read_more() {
    pollfd polled{master_.get(), POLLIN, 0};
    if (::poll(&polled, 1, 100'000) <= 0)
      FAIL("the terminal stayed silent after:\n" << shown_);
    char buffer[4096];
    const ssize_t count = ::read(master_.get(), buffer, sizeof buffer);
    if (count <= 0)
      return false;
    shown_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  pid_t pid_ = -1;
  Fd master_;
  std::string shown_;
  std::size_t seen_ = 0;
};

}  // namespace dstack::test
