#include "dstack/job/run_clock.hpp"

#include <algorithm>

namespace dstack::job {

using std::chrono::milliseconds;

void to_json(Json& json, const RunClock& clock) {
  json = {{"boot", clock.boot}, {"zero", clock.zero.count()}};
}

void from_json(const Json& json, RunClock& clock) {
  clock.boot = json_string(json, "boot");
  clock.zero = milliseconds(json_integer(json, "zero"));
}

Moment moment_of(const ClockReading& now, const RunClock& clock, const Moment& last) {
  const bool is_same_boot = !clock.boot.empty() && clock.boot == now.boot;
  const milliseconds elapsed =
      is_same_boot ? now.monotonic - clock.zero : last.elapsed + (now.wall - last.at);
  return {now.wall, std::max(elapsed, last.elapsed)};
}

std::optional<milliseconds> elapsed_now(const RunClock& clock) {
  if (clock.boot.empty())
    return std::nullopt;
  return std::max(monotonic_now() - clock.zero, milliseconds(0));
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
