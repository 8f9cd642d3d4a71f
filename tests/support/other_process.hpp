// A process of the test's own that can be killed.
#pragma once

#include "dstack/base/fd.hpp"
#include "support/catch.hpp"

#include <functional>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::test {

/// Does something, says so, and stays until it is killed. The constructor returns when it is done;
/// a process that ends instead fails the test.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<void()>& work) {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      work();
      (void)!::write(pipe->write_end.get(), "x", 1);
      for (;;)
        ::pause();
    }
    pipe->write_end.reset();
    char byte = 0;
    REQUIRE(::read(pipe->read_end.get(), &byte, 1) == 1);
  }

  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  ~OtherProcess() { kill(); }

  pid_t pid() const { return pid_; }

  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace dstack::test
