#include "dstack/run/runner/stop_timer.hpp"

#include "dstack/job/stop_signal.hpp"

#include <signal.h>

namespace dstack::run {

namespace {

/// The agent of a container keeps to the grace itself, and then has a container to remove.
constexpr std::chrono::seconds removal_of_container{20};
/// A killed process may have started one more meanwhile.
constexpr std::chrono::milliseconds between_kills{10};

}  // namespace

StopTimer::StopTimer(const JobOrder& order, Clock::time_point started)
    : grace_(order.stop_grace +
             (order.spec.container ? removal_of_container : std::chrono::seconds(0))),
      rest_may_go_on_(job::stop_signal_number(order.spec.stop_signal) != SIGTERM) {
  if (order.spec.timeout.count() > 0)
    timeout_at_ = started + order.spec.timeout;
}

void StopTimer::begin_grace(Clock::time_point now) {
  kill_at_ = now + grace_;
}

void StopTimer::rest_is_asked(Clock::time_point now) {
  rest_may_go_on_ = false;
  if (!kill_at_)
    begin_grace(now);
}

StopTimer::Step StopTimer::due(Clock::time_point now, bool main_has_ended) const {
  if (killing_ || (kill_at_ && now >= *kill_at_))
    return Step::kill;
  if (main_has_ended && (!kill_at_ || rest_may_go_on_))
    return Step::end_rest;
  if (kill_at_)
    return Step::none;
  return timeout_at_ && now >= *timeout_at_ ? Step::time_out : Step::none;
}

std::optional<StopTimer::Clock::time_point> StopTimer::next(Clock::time_point now) const {
  if (killing_)
    return now + between_kills;
  return kill_at_ ? kill_at_ : timeout_at_;
}

}  // namespace dstack::run
