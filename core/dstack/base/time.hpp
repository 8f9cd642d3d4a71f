// Wall-clock times for records and display. Durations that decide something use
// std::chrono::steady_clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dstack {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

Timestamp now();
/// ISO 8601, UTC, milliseconds: `2026-11-24T00:14:39.120Z`.
std::string render_time(Timestamp time);
/// Reads ISO 8601: a date, or a date and time with `T` or a space, optional fraction, `Z` or an
/// offset; without either of the last two it is local time.
std::optional<Timestamp> parse_time(std::string_view text);
/// "now", "5 sec ago", "3 mins ago", "yesterday", …: how long before `reference`.
std::string render_age(Timestamp time, Timestamp reference);

}  // namespace dstack
