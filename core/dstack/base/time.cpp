#include "dstack/base/time.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace dstack {

Timestamp now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::chrono::milliseconds monotonic_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

std::string render_time(Timestamp time) {
  const long long total = time.time_since_epoch().count();
  const long long milliseconds = (total % 1000 + 1000) % 1000;
  const std::time_t seconds = static_cast<std::time_t>((total - milliseconds) / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(),
                text.size(),
                "%04d-%02d-%02dT%02d:%02d:%02d.%03lldZ",
                parts.tm_year + 1900,
                parts.tm_mon + 1,
                parts.tm_mday,
                parts.tm_hour,
                parts.tm_min,
                parts.tm_sec,
                milliseconds);
  return text.data();
}

std::optional<Timestamp> parse_time(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  int used = 0;
  if (std::sscanf(
          copy.c_str(), "%4d-%2d-%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &used) !=
          3 ||
      used < 8)
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const char* rest = copy.c_str() + used;
  long milliseconds = 0;
  if (*rest == 'T' || *rest == ' ') {
    if (std::sscanf(rest + 1, "%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &used) != 2)
      return std::nullopt;
    rest += 1 + used;
    if (*rest == ':') {
      if (std::sscanf(rest + 1, "%2d%n", &parts.tm_sec, &used) != 1)
        return std::nullopt;
      rest += 1 + used;
    }
    if (*rest == '.') {
      long scale = 100;
      for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10)
        milliseconds += (*rest - '0') * scale;
    }
  }
  if (parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
      parts.tm_hour > 24 || parts.tm_min > 59 || parts.tm_sec > 60)
    return std::nullopt;
  std::time_t seconds = 0;
  if (*rest == 'Z' || *rest == '+' || *rest == '-') {
    int hours = 0;
    int minutes = 0;
    const char sign = *rest;
    ++rest;
    if (sign != 'Z') {
      if (std::sscanf(rest, "%2d%n", &hours, &used) != 1)
        return std::nullopt;
      rest += used;
      if (*rest == ':')
        ++rest;
      if (*rest != '\0') {
        if (std::sscanf(rest, "%2d%n", &minutes, &used) != 1)
          return std::nullopt;
        rest += used;
      }
    }
    const int offset = (hours * 60 + minutes) * 60;
    seconds = ::timegm(&parts) - (sign == '-' ? -offset : offset);
  } else {
    parts.tm_isdst = -1;
    seconds = std::mktime(&parts);
  }
  if (*rest != '\0')
    return std::nullopt;
  return Timestamp(std::chrono::seconds(seconds) + std::chrono::milliseconds(milliseconds));
}

std::string render_age(Timestamp time, Timestamp reference) {
  const long long seconds =
      std::chrono::duration_cast<std::chrono::seconds>(reference - time).count();
  const auto some = [](long long count, const char* unit, const char* units) {
    return fmt::format("{} {} ago", count, count == 1 ? unit : units);
  };
  if (seconds < 10)
    return "now";
  if (seconds < 60)
    return some(seconds, "sec", "sec");
  if (seconds < 3600)
    return some(seconds / 60, "min", "mins");
  if (seconds < 86400)
    return some(seconds / 3600, "hour", "hours");
  const long long days = seconds / 86400;
  if (days == 1)
    return "yesterday";
  if (days < 7)
    return some(days, "day", "days");
  if (days < 31)
    return some(days / 7, "week", "weeks");
  if (days < 365)
    return some(days / 30, "month", "months");
  return some(days / 365, "year", "years");
}

}  // namespace dstack
