#include "dstack/run/runner/runner_signals.hpp"

#include "dstack/base/patience.hpp"

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

Result<RunnerSignals> RunnerSignals::open() {
  const sigset_t wanted = all();
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return with_patience([&]() -> Result<RunnerSignals> {
    Fd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
      return fail_errno("cannot wait for signals");
    return RunnerSignals(std::move(fd));
  });
}

std::optional<int> RunnerSignals::take() const {
  signalfd_siginfo signal{};
  if (::read(fd_.get(), &signal, sizeof signal) != static_cast<ssize_t>(sizeof signal))
    return std::nullopt;
  return static_cast<int>(signal.ssi_signo);
}

}  // namespace dstack::run
