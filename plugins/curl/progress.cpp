#include "progress.hpp"

#include <array>
#include <cstdio>

namespace curl {

namespace {

using namespace std::chrono_literals;

constexpr auto between_lines = 200ms;
constexpr auto measured = 5s;  ///< the rate is measured over the last seconds

std::string fixed(double value, int decimals) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return buffer.data();
}

std::string two_digits(long long number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::string render_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> units = {"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return fixed(value, unit == 0 || value >= 99.5 ? 0 : 1) + " " + units[unit];
}

std::string render_time(Clock::duration duration) {
  const double all = seconds(duration);
  if (all < 59.95)
    return fixed(all, all < 9.95 ? 1 : 0) + "s";
  const auto whole = static_cast<long long>(all + 0.5);
  return whole < 3600 ? std::to_string(whole / 60) + "m" + two_digits(whole % 60) + "s"
                      : std::to_string(whole / 3600) + "h" + two_digits(whole / 60 % 60) + "m";
}

/// Bytes a second. A download that started over has fewer bytes than before.
double Progress::rate(std::uint64_t bytes, Clock::time_point now) {
  if (!recent_.empty() && bytes < recent_.back().second)
    recent_.clear();
  recent_.emplace_back(now, bytes);
  while (recent_.size() > 2 && now - recent_[1].first >= measured)
    recent_.pop_front();
  const auto& [since, before] = recent_.front();
  return now > since ? static_cast<double>(bytes - before) / seconds(now - since) : 0;
}

std::optional<std::string> Progress::line(std::uint64_t bytes,
                                          std::optional<std::uint64_t> total,
                                          Clock::time_point now) {
  if (now - shown_ < between_lines)
    return std::nullopt;
  shown_ = now;
  const double per_second = rate(bytes, now);
  const std::string speed = render_bytes(static_cast<std::uint64_t>(per_second)) + "/s";
  if (!total || *total == 0)
    return render_bytes(bytes) + "  " + speed;
  const double part = static_cast<double>(bytes) / static_cast<double>(*total);
  std::string percent = fixed(part * 100, 0);
  percent.insert(0, percent.size() < 3 ? 3 - percent.size() : 0, ' ');
  std::string text =
      percent + "%  " + render_bytes(bytes) + " of " + render_bytes(*total) + "  " + speed;
  if (per_second >= 1 && bytes < *total)
    text += "  " +
            render_time(std::chrono::duration_cast<Clock::duration>(
                std::chrono::duration<double>(static_cast<double>(*total - bytes) / per_second))) +
            " left";
  return text;
}

std::string Progress::summary(std::uint64_t bytes,
                              std::uint64_t received,
                              Clock::time_point now) const {
  const double taken = seconds(now - begin_);
  std::string text = render_bytes(bytes) + " in " + render_time(now - begin_);
  if (taken > 0)
    text += ", " + render_bytes(static_cast<std::uint64_t>(static_cast<double>(received) / taken)) +
            "/s";
  return text;
}

}  // namespace curl
