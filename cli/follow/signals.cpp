#include "follow/signals.hpp"

#include <array>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

constexpr std::array watched = {SIGINT, SIGTERM, SIGHUP, SIGCONT};

Result<void> add(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    return fail_errno("cannot watch for signals");
  return {};
}

/// A signal that the caller ignores (nohup) stays ignored.
sigset_t signals_to_watch() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : watched) {
    struct sigaction action {};

    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
      ::sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

Result<Signals> Signals::open() {
  Signals signals;
  const sigset_t set = signals_to_watch();
  signals.signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  signals.both_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!signals.signals_ || !signals.both_)
    return fail_errno("cannot watch for signals");
  DSTACK_TRY(signals.event_, Event::make());
  DSTACK_CHECK(add(signals.both_.get(), signals.signals_.get()));
  DSTACK_CHECK(add(signals.both_.get(), signals.event_.fd()));
  ::sigprocmask(SIG_BLOCK, &set, &signals.before_);
  return signals;
}

Signals::~Signals() {
  if (both_)
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> Signals::take() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
    return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

run::FollowListener::Then SignalledListener::woken() {
  if (signals_.take_wake())
    return Then::leave;
  while (const auto signal = signals_.take())
    if (*signal != SIGCONT)
      signal_ = *signal;
  return signal_ != 0 ? Then::leave : Then::go_on;
}

}  // namespace dstack::cli
