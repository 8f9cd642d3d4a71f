#include "follow/signal_watchdog.hpp"

#include "dstack/base/thread.hpp"

#include <array>

#include <poll.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

constexpr int moment_milliseconds = 300;

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
    if (const auto signal = signals_.take(); signal && *signal != SIGCONT)
      ::_exit(128 + *signal);
  }
}

}  // namespace dstack::cli
