#include "dstack/run/runner/preparation_guard.hpp"

#include "dstack/base/thread.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/signal.hpp"
#include "dstack/process/tree.hpp"
#include "dstack/run/runner/outcome.hpp"

#include <array>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// What is ended may have started one more meanwhile.
constexpr std::chrono::milliseconds between_looks{20};

}  // namespace

PreparationGuard::PreparationGuard(const RunnerSignals& signals,
                                   std::chrono::milliseconds grace,
                                   Looks looks)
    : signals_(signals), grace_(grace), looks_at_end_(looks == Looks::at_end) {
  if (looks_at_end_)
    return;
  over_ = Event::make().value_or(Event());
  if (!over_)
    return;
  auto watcher = start_thread([this] { watch(); });
  if (!watcher)
    return;
  watcher_ = *std::move(watcher);
  work_.emplace(&flag_);
}

PreparationGuard::~PreparationGuard() {
  (void)finish();
}

job::StopRequest PreparationGuard::finish() {
  if (std::exchange(looks_at_end_, false))
    take_signals();
  if (!work_)
    return request_;
  if (flag_.is_set())
    process::wait_for_descendants();
  over_.set();
  watcher_.join();
  work_.reset();
  return request_;
}

void PreparationGuard::watch() {
  for (;;) {
    std::array<pollfd, 2> polled = {pollfd{over_.fd(), POLLIN, 0},
                                    pollfd{signals_.fd(), POLLIN, 0}};
    const int until_next_look = kill_at_ ? static_cast<int>(between_looks.count()) : -1;
    ::poll(polled.data(), polled.size(), until_next_look);
    if (polled[0].revents != 0)
      return;
    if (polled[1].revents != 0)
      take_signals();
    if (kill_at_)
      end_descendants();
  }
}

void PreparationGuard::take_signals() {
  while (const auto signal = signals_.take()) {
    const auto request = requested_stop(*signal, request_ != job::StopRequest::none);
    if (!request)
      continue;
    request_ = *request;
    flag_.set();
    const bool is_abort = request_ == job::StopRequest::abort;
    kill_at_ = Clock::now() + (is_abort ? std::chrono::milliseconds(0) : grace_);
  }
}

void PreparationGuard::end_descendants() {
  if (Clock::now() >= *kill_at_) {
    process::signal_descendants(SIGKILL);
    return;
  }
  const pid_t self = ::getpid();
  for (const pid_t pid : process::descendants(self))
    if (asked_.insert(pid).second)
      process::signal_if(pid, SIGTERM, [&] { return process::is_descendant(pid, self); });
}

}  // namespace dstack::run
