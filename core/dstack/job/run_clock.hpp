// The clock of a run. Of everything that happens in a run two times are known: what the wall clock
// said, for people, and how long after the submission it was, by CLOCK_MONOTONIC. The wall clock is
// set now and then, by people and by the network; so durations and order come from the second one
// alone. The time for which the machine is asleep does not count in it.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/base/time.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace dstack::job {

/// When something happened in a run.
struct Moment {
  Timestamp at = {};                     ///< by the wall clock: shown, never compared
  std::chrono::milliseconds elapsed{0};  ///< since the run was submitted

  bool operator==(const Moment&) const = default;
};

/// Relates CLOCK_MONOTONIC to a run, within one boot of one machine.
struct RunClock {
  std::string boot = {};  ///< empty: unknown, of a run that an older dstack recorded
  /// What CLOCK_MONOTONIC said when nothing had elapsed yet. Negative where more has elapsed than
  /// this boot has lasted.
  std::chrono::milliseconds zero{0};

  bool operator==(const RunClock&) const = default;
};

void to_json(Json& json, const RunClock& clock);
void from_json(const Json& json, RunClock& clock);

/// The moment of a reading. In another boot than the clock's nobody knows how long the machine was
/// off: there, and only there, the wall clock decides. What it says has passed since `last`, a
/// moment of the run that is known, is added to it; nothing when it was set back.
Moment moment_of(const ClockReading& now, const RunClock& clock, const Moment& last);

/// What has elapsed by now, for a process of the clock's boot; nothing where that is unknown. Never
/// negative.
std::optional<std::chrono::milliseconds> elapsed_now(const RunClock& clock);

/// The clock that goes on in the boot of the reading, where `clock` stood at `last`.
RunClock continued(const RunClock& clock, const ClockReading& now, const Moment& last);

/// How long something takes that began at `begin`, and goes on at `now` unless it has an end. Never
/// negative.
std::chrono::milliseconds duration(const Moment& begin,
                                   const std::optional<Moment>& end,
                                   const RunClock& clock,
                                   const ClockReading& now);

}  // namespace dstack::job
