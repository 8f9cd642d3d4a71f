#include "ui/transfer.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <cmath>

namespace dstack::ui {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds window{5};
// Of a shorter time a rate says nothing.
constexpr Seconds least_measured{0.5};
// Fewer files than that are not worth their number.
constexpr std::uint64_t many_files = 1000;
constexpr double longest_shown = 100 * 3600;

/// "310 MB/s": as exact as anybody reads it.
std::string render_rate(double bytes_per_second) {
  std::string text = render_size(static_cast<std::uint64_t>(bytes_per_second));
  const std::size_t point = text.find('.');
  if (point != std::string::npos && point >= 3)
    text.erase(point, text.find(' ') - point);
  return text + "/s";
}

/// "9 s", "2 min 5 s", "3 h 20 min".
std::string render_time_left(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::max(1.0, std::ceil(seconds)));
  if (whole < 60)
    return fmt::format("{} s", whole);
  if (whole < 3600)
    return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

double seconds_for(std::uint64_t done, std::uint64_t all, double per_second) {
  return done < all && per_second > 0 ? static_cast<double>(all - done) / per_second : 0;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : std::string(between)) + part;
  return text;
}

}  // namespace

void Transfer::update(const WorkState& state, Time now) {
  state_ = state;
  samples_.push_back({now, state.done});
  while (samples_.size() > 2 && now - samples_[1].at > window)
    samples_.pop_front();
}

std::vector<std::string> Transfer::parts() const {
  const auto& [done, all] = state_;
  std::vector<std::string> parts;
  if (all.files >= many_files)
    parts.push_back(fmt::format("{} of {} files", std::min(done.files, all.files), all.files));
  parts.push_back(fmt::format(
      "{} of {}", render_size(std::min(done.bytes, all.bytes)), render_size(all.bytes)));
  if (done.files >= all.files && done.bytes >= all.bytes) {
    parts.emplace_back("finishing");
    return parts;
  }
  if (samples_.size() < 2)
    return parts;
  const Sample& first = samples_.front();
  const double seconds = Seconds(samples_.back().at - first.at).count();
  if (seconds < least_measured.count())
    return parts;
  const double bytes = static_cast<double>(done.bytes - std::min(first.done.bytes, done.bytes));
  const double files = static_cast<double>(done.files - std::min(first.done.files, done.files));
  parts.push_back(render_rate(bytes / seconds));
  const double left = std::max(seconds_for(done.bytes, all.bytes, bytes / seconds),
                               seconds_for(done.files, all.files, files / seconds));
  if (left > 0 && left < longest_shown)
    parts.push_back(render_time_left(left) + " left");
  return parts;
}

std::string Transfer::line() const {
  return what_ + "  " + join(parts(), "  ");
}

std::string Transfer::sentence() const {
  return what_ + ": " + join(parts(), ", ");
}

}  // namespace dstack::ui
