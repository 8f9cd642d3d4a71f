#include "dstack/sweep/values.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace dstack::sweep {

namespace {

constexpr std::string_view linear_mark = "lin:";
constexpr std::string_view logarithmic_mark = "log:";

std::optional<double> parse_real(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

/// How many digits a number is written with, without zeros before them.
int significant_digits(std::string_view text) {
  text = text.substr(0, text.find_first_of("eE"));
  int digits = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9' && (digits > 0 || c != '0'))
      ++digits;
  return digits;
}

/// The two ends of `A..B`.
struct Ends {
  std::string_view low;
  std::string_view high;
};

std::optional<Ends> parse_ends(std::string_view text) {
  // `1...5` and `.5...9` have their dots where they are tried.
  for (std::size_t dots = text.find(".."); dots != std::string_view::npos;
       dots = text.find("..", dots + 1)) {
    const Ends ends{text.substr(0, dots), text.substr(dots + 2)};
    if (parse_real(ends.low) && parse_real(ends.high))
      return ends;
  }
  return std::nullopt;
}

Failure inverted(std::string_view text, const Ends& ends) {
  return fail(ErrorCode::configuration, "the range '{}' ends before it begins", printable(text))
      .with_hint("write the smaller end first: {}..{}", ends.high, ends.low);
}

Result<Interval> interval_of(std::string_view text, const Ends& ends, bool logarithmic) {
  Interval interval{*parse_real(ends.low), *parse_real(ends.high), logarithmic};
  if (interval.low > interval.high)
    return inverted(text, ends);
  if (logarithmic && interval.low <= 0)
    return fail(ErrorCode::configuration,
                "'{}' begins at {}, and a logarithmic range has positive numbers alone",
                printable(text),
                ends.low)
        .with_hint("begin it above zero, or write 'lin:' for equal distances");
  interval.digits =
      std::clamp(std::max(significant_digits(ends.low), significant_digits(ends.high)), 6, 17);
  return interval;
}

Failure malformed(std::string_view text) {
  return fail(ErrorCode::configuration, "'{}' is not a range", printable(text))
      .with_hint(
          "write 'lin:0..1:5' or 'log:1e-4..1e-1:4'; without the count, '--samples N' chooses "
          "values");
}

/// `lin:A..B[:N]`, `log:A..B[:N]`.
Result<Values> parse_marked(std::string_view text, bool logarithmic) {
  std::string_view rest = text.substr(linear_mark.size());
  const std::size_t colon = rest.find(':');
  const auto ends = parse_ends(rest.substr(0, colon));
  if (!ends)
    return malformed(text);
  DSTACK_TRY(const Interval interval, interval_of(text, *ends, logarithmic));
  if (colon == std::string_view::npos)
    return Values{{}, interval};
  const auto count = parse_number<std::uint64_t>(rest.substr(colon + 1));
  if (!count || *count < 2 || *count > most_combinations)
    return fail(ErrorCode::configuration,
                "'{}' is not a number of values in '{}'",
                printable(rest.substr(colon + 1)),
                printable(text))
        .with_hint("write a number from 2 to {}", most_combinations);
  Values values;
  for (std::uint64_t i = 0; i < *count; ++i)
    values.list.push_back(interval.at(static_cast<double>(i) / static_cast<double>(*count - 1)));
  return values;
}

Result<Values> whole_numbers(std::string_view text,
                             const Ends& ends,
                             std::int64_t first,
                             std::int64_t last) {
  if (first > last)
    return inverted(text, ends);
  const auto count = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  if (count >= most_combinations)
    return fail(ErrorCode::configuration,
                "the range '{}' has more than {} values",
                printable(text),
                most_combinations)
        .with_hint("'lin:{}..{}' with '--samples N' chooses some", ends.low, ends.high);
  Values values;
  for (std::int64_t number = first;; ++number) {
    values.list.push_back(std::to_string(number));
    if (number == last)
      return values;
  }
}

}  // namespace

std::string Interval::at(double position) const {
  const double number = position <= 0   ? low
                        : position >= 1 ? high
                        : logarithmic
                            ? std::exp(std::log(low) + position * (std::log(high) - std::log(low)))
                            : low + position * (high - low);
  return fmt::format("{:.{}g}", number, digits);
}

Result<std::optional<Values>> parse_range(std::string_view text) {
  const bool logarithmic = text.starts_with(logarithmic_mark);
  if (logarithmic || text.starts_with(linear_mark)) {
    DSTACK_TRY(auto values, parse_marked(text, logarithmic));
    return std::optional(std::move(values));
  }
  const auto ends = parse_ends(text);
  if (!ends)
    return std::optional<Values>();
  const auto first = parse_number<std::int64_t>(ends->low);
  const auto last = parse_number<std::int64_t>(ends->high);
  if (first && last) {
    DSTACK_TRY(auto values, whole_numbers(text, *ends, *first, *last));
    return std::optional(std::move(values));
  }
  DSTACK_TRY(const Interval interval, interval_of(text, *ends, false));
  return std::optional(Values{{}, interval});
}

Result<Values> parse_values(std::string_view text) {
  Values all;
  for (const std::string_view part : split(text, ',')) {
    if (part.empty())
      return fail(ErrorCode::configuration,
                  "{}",
                  text.empty() ? std::string("there are no values")
                               : fmt::format("a value of '{}' is empty", printable(text)))
          .with_hint("write the values with commas between them, as in '0.1,0.01'");
    DSTACK_TRY(auto range, parse_range(part));
    if (range && range->interval && part.size() != text.size())
      return fail(ErrorCode::configuration,
                  "the interval '{}' cannot be one of several values",
                  printable(part))
          .with_hint("give it a number of values: '{}:5'",
                     part.starts_with("l") ? std::string(part) : fmt::format("lin:{}", part));
    if (range && range->interval)
      return *std::move(range);
    if (range)
      all.list.insert(all.list.end(), range->list.begin(), range->list.end());
    else
      all.list.emplace_back(part);
  }
  return all;
}

}  // namespace dstack::sweep
