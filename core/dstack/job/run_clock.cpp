#include "dstack/job/run_clock.hpp"

#include <algorithm>

namespace dstack::job {

using std::chrono::milliseconds;

Moment moment_of(const ClockReading& now, const RunClock& clock, const Moment& last) {
  const bool is_same_boot = !clock.boot.empty() && clock.boot == now.boot;
  const milliseconds elapsed =
      is_same_boot ? now.monotonic - clock.zero : last.elapsed + (now.wall - last.at);
  return {now.wall, std::max(elapsed, last.elapsed)};
}

std::optional<milliseconds> elapsed_since(const std::optional<milliseconds>& zero) {
  return zero ? std::optional(monotonic_now() - *zero) : std::nullopt;
}

RunClock continued(const RunClock& clock, const ClockReading& now, const Moment& last) {
  return {now.boot, now.monotonic - moment_of(now, clock, last).elapsed};
}

milliseconds duration(const Moment& begin,
                      const std::optional<Moment>& end,
                      const RunClock& clock,
                      const ClockReading& now) {
  const Moment last = end ? *end : moment_of(now, clock, begin);
  return std::max(last.elapsed - begin.elapsed, milliseconds(0));
}

}  // namespace dstack::job
