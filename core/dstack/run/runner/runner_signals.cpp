#include "dstack/run/runner/runner_signals.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dstack::run {

sigset_t RunnerSignals::all() {
  sigset_t all;
  sigemptyset(&all);
  for (const int number : {SIGCHLD, SIGTERM, SIGUSR1, SIGINT, SIGHUP})
    sigaddset(&all, number);
  return all;
}

RunnerSignals::RunnerSignals() {
  const sigset_t wanted = all();
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  fd_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::optional<int> RunnerSignals::take() const {
  signalfd_siginfo signal{};
  if (::read(fd_.get(), &signal, sizeof signal) != static_cast<ssize_t>(sizeof signal))
    return std::nullopt;
  return static_cast<int>(signal.ssi_signo);
}

}  // namespace dstack::run
