#include "follow/signal_watchdog.hpp"

#include "dstack/base/thread.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/signal.hpp"

#include <array>

#include <poll.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

constexpr int moment_milliseconds = 300;
// So long the work may take to give up, and to remove what it was making.
constexpr int unwinding_milliseconds = 2000;
// What does not end by itself within these looks is killed.
constexpr int looks = 50;
constexpr int between_looks_milliseconds = 20;

bool becomes_readable(int fd, int milliseconds) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, milliseconds) > 0;
}

}  // namespace

SignalWatchdog::SignalWatchdog(Signals& signals)
    : signals_(signals), over_(Event::make().value_or(Event())) {
  if (!over_)
    return;  // the thread could not be ended; signals wait until the work is over
  if (auto watcher = start_thread([this] { watch(); }))
    watcher_ = *std::move(watcher);
}

SignalWatchdog::~SignalWatchdog() {
  if (!watcher_.joinable())
    return;
  over_.set();
  watcher_.join();
}

void SignalWatchdog::watch() {
  for (;;) {
    std::array<pollfd, 2> polled = {pollfd{over_.fd(), POLLIN, 0},
                                    pollfd{signals_.fd(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0 || becomes_readable(over_.fd(), moment_milliseconds))
      return;
    if (const auto signal = signals_.take(); signal && *signal != SIGCONT) {
      end_children();
      becomes_readable(over_.fd(), unwinding_milliseconds);
      ::_exit(128 + *signal);
    }
  }
}

void SignalWatchdog::end_children() {
  flag_.set();
  const pid_t self = ::getpid();
  const auto is_ours = [&](pid_t pid) {
    return ::getsid(pid) == ::getsid(0) && process::is_descendant(pid, self);
  };
  for (int look = 0; look < looks; ++look) {
    const int number = look == 0 ? SIGTERM : SIGKILL;
    bool any = false;
    for (const pid_t pid : process::descendants(self))
      if (is_ours(pid)) {
        any = true;
        if (look == 0 || look == looks - 1)
          process::signal_if(pid, number, [&] { return is_ours(pid); });
      }
    if (!any)
      return;
    becomes_readable(-1, between_looks_milliseconds);
  }
}

}  // namespace dstack::cli
