#include "follow/unwinding.hpp"

#include "dstack/base/thread.hpp"

#include <array>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

void end_by(int number) {
  ::signal(number, SIG_DFL);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, number);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::kill(::getpid(), number);
}

}  // namespace

Unwinding::Unwinding() {
  auto over = Event::make();
  auto signals = Signals::open();
  if (!over || !signals)
    return;
  over_ = *std::move(over);
  signals_.emplace(*std::move(signals));
  if (auto watcher = start_thread([this] { watch(); }))
    watcher_ = *std::move(watcher);
  else
    signals_.reset();
}

Unwinding::~Unwinding() {
  if (!watcher_.joinable())
    return;
  over_.set();
  watcher_.join();
  if (signal_ != 0)
    end_by(signal_);
}

void Unwinding::watch() {
  for (;;) {
    std::array<pollfd, 2> polled = {pollfd{over_.fd(), POLLIN, 0},
                                    pollfd{signals_->fd(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    while (const auto signal = signals_->take()) {
      if (*signal == SIGCONT)
        continue;
      if (signal_.exchange(*signal) != 0)
        end_by(*signal);
      flag_.set();
    }
    if (polled[0].revents != 0)
      return;
  }
}

}  // namespace dstack::cli
