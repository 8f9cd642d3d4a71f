// Times. What the wall clock says is for records and display: it may be set at any moment, to
// anything. Durations that decide something use std::chrono::steady_clock; those of a run, which
// outlive the process that measures them, are in job/run_clock.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dstack {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

Timestamp now();
/// CLOCK_MONOTONIC: how long this machine has been awake since it started. Nobody sets it. Two of
/// these can be compared within one boot, also between processes.
std::chrono::milliseconds monotonic_now();

/// What the clocks of this machine say at one moment.
struct ClockReading {
  std::string boot = {};  ///< whose time `monotonic` is
  Timestamp wall = {};
  std::chrono::milliseconds monotonic{0};
};

/// ISO 8601, UTC, milliseconds: `2026-11-24T00:14:39.120Z`.
std::string render_time(Timestamp time);
/// Reads ISO 8601: a date, or a date and time with `T` or a space, optional fraction, `Z` or an
/// offset; without either of the last two it is local time.
std::optional<Timestamp> parse_time(std::string_view text);
/// "now", "5 sec ago", "3 mins ago", "yesterday", …: how long before `reference`.
std::string render_age(Timestamp time, Timestamp reference);

}  // namespace dstack
