// Sizes and durations as people write them (spec, section 8).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack {

/// An integer and `MB GB M G …` (decimal) or `MiB GiB Mi Gi …` (binary), any case, a space allowed;
/// a bare integer is bytes. In bytes. Nothing when it is not a size, or does not fit.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// No job needs, and no GPU has, less memory than this: the unit was forgotten.
inline constexpr std::uint64_t least_memory = 1'000'000;
/// For a size below: "a size without a unit is bytes; did you mean 16GB?"; empty where it has one.
std::string hint_of_forgotten_unit(std::string_view text);
/// "1.2 GB": decimal, for people.
std::string render_size(std::uint64_t bytes);

/// Seconds (`90`), or `90s 5m 1h30m 2d`. Nothing when it is not a duration.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "3.2s", "1m16s", "2h03m", for people.
std::string render_duration(std::chrono::milliseconds duration);

}  // namespace dstack
