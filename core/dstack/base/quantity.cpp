#include "dstack/base/quantity.hpp"

#include "dstack/base/text.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

namespace dstack {

namespace {

/// Removes a whole number from the front of `text`.
std::optional<std::uint64_t> take_integer(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data())
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::uint64_t> size_unit(std::string_view unit) {
  static constexpr std::array<char, 4> letters = {'k', 'm', 'g', 't'};
  const std::string name = to_lower(unit);
  if (name.empty() || name == "b")
    return 1;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (name.front() != letters[i])
      continue;
    const std::string_view rest = std::string_view(name).substr(1);
    const bool binary = rest == "i" || rest == "ib";
    if (!binary && rest != "" && rest != "b")
      return std::nullopt;
    std::uint64_t factor = 1;
    for (std::size_t k = 0; k <= i; ++k)
      factor *= binary ? 1024 : 1000;
    return factor;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> duration_unit(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  text = trim(text);
  const auto number = take_integer(text);
  const auto factor = size_unit(trim(text));
  std::uint64_t bytes = 0;
  if (!number || !factor || __builtin_mul_overflow(*number, *factor, &bytes))
    return std::nullopt;
  return bytes;
}

std::string hint_of_forgotten_unit(std::string_view text) {
  constexpr std::uint64_t most_gigabytes = 256;
  constexpr std::uint64_t most_megabytes = 100'000;  // beyond it bytes were meant
  text = trim(text);
  const auto number = take_integer(text);
  if (!number || !text.empty() || *number >= most_megabytes)
    return {};
  return fmt::format("a size without a unit is bytes; did you mean {}{}",
                     *number,
                     *number < most_gigabytes ? "GB?" : "MB?");
}

std::string render_size(std::uint64_t bytes) {
  if (bytes < 1000)
    return fmt::format("{} B", bytes);
  static constexpr std::array<const char*, 5> units = {"kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
  return text.data();
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::uint64_t most = 100ULL * 365 * 86400;
  text = trim(text);
  if (text.empty())
    return std::nullopt;
  std::uint64_t seconds = 0;
  std::uint64_t last_unit = ~0ULL;
  while (!text.empty()) {
    const auto number = take_integer(text);
    if (!number || *number > most)
      return std::nullopt;
    if (text.empty() && last_unit == ~0ULL) {
      seconds = *number;
      break;
    }
    const auto unit = text.empty() ? std::nullopt : duration_unit(text.front());
    if (!unit || *unit >= last_unit)
      return std::nullopt;
    text.remove_prefix(1);
    last_unit = *unit;
    seconds += *number * *unit;
  }
  if (seconds > most)
    return std::nullopt;
  return std::chrono::seconds(seconds);
}

std::string render_duration(std::chrono::milliseconds duration) {
  const long long total = duration.count() < 0 ? 0 : duration.count();
  const long long seconds = total / 1000;
  std::array<char, 48> text{};
  if (total < 10'000)
    std::snprintf(text.data(), text.size(), "%lld.%llds", seconds, total % 1000 / 100);
  else if (seconds < 60)
    std::snprintf(text.data(), text.size(), "%llds", seconds);
  else if (seconds < 3600)
    std::snprintf(text.data(), text.size(), "%lldm%02llds", seconds / 60, seconds % 60);
  else if (seconds < 86400)
    std::snprintf(text.data(), text.size(), "%lldh%02lldm", seconds / 3600, seconds % 3600 / 60);
  else
    std::snprintf(
        text.data(), text.size(), "%lldd%02lldh", seconds / 86400, seconds % 86400 / 3600);
  return text.data();
}

}  // namespace dstack
