#include "dstack/metrics/row.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace dstack::metrics {

namespace {

using namespace std::string_view_literals;

constexpr std::array step_names = {
    "step"sv, "global_step"sv, "_step"sv, "iteration"sv, "iter"sv, "epoch"sv};
constexpr std::array time_names = {"_timestamp"sv, "timestamp"sv, "wall_time"sv, "time"sv};

/// What is larger than these is no number of seconds, or milliseconds, that took a job.
constexpr double seconds_of_2001 = 1e9;
constexpr double milliseconds_of_2001 = 1e12;
constexpr double largest_step = 9e15;  // each whole number up to there is a double

std::optional<Timestamp> time_of(double number) {
  if (!(number >= seconds_of_2001 && number < 1000 * milliseconds_of_2001))
    return std::nullopt;
  const double milliseconds = number < milliseconds_of_2001 ? number * 1000 : number;
  return Timestamp(std::chrono::milliseconds(std::llround(milliseconds)));
}

bool is_step(double number) {
  return std::isfinite(number) && std::trunc(number) == number && std::abs(number) <= largest_step;
}

/// The first of `names` that is among the numbers and fits.
template <std::size_t Count, typename Fits>
auto find_first(std::vector<std::pair<std::string, double>>& numbers,
                const std::array<std::string_view, Count>& names,
                Fits fits) {
  for (const std::string_view name : names)
    for (auto at = numbers.begin(); at != numbers.end(); ++at)
      if (fits(at->second) && to_lower(at->first) == name)
        return at;
  return numbers.end();
}

}  // namespace

std::optional<double> parse_value(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+'))
    text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size())
    return std::nullopt;
  if (error == std::errc::result_out_of_range)  // too large, or too near to zero
    return text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos
               ? 0.0
               : (text.starts_with('-') ? -HUGE_VAL : HUGE_VAL);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

bool names_step(std::string_view name) {
  return std::find(step_names.begin(), step_names.end(), to_lower(name)) != step_names.end();
}

Row make_row(std::vector<std::pair<std::string, double>> numbers) {
  Row row;
  if (const auto step = find_first(numbers, step_names, is_step); step != numbers.end()) {
    row.step = static_cast<std::int64_t>(step->second);
    numbers.erase(step);
  }
  const auto is_time = [](double number) { return time_of(number).has_value(); };
  if (const auto time = find_first(numbers, time_names, is_time); time != numbers.end()) {
    row.time = time_of(time->second);
    numbers.erase(time);
  }
  row.values = std::move(numbers);
  return row;
}

}  // namespace dstack::metrics
