// The progress of a download, for people: "45%  123 MB of 273 MB  12.3 MB/s  12s left".
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace curl {

using Clock = std::chrono::steady_clock;

/// "1.2 GB": decimal.
std::string render_bytes(std::uint64_t bytes);
/// "3.2s", "1m16s", "2h03m".
std::string render_time(Clock::duration duration);

class Progress {
 public:
  explicit Progress(Clock::time_point begin) : begin_(begin), shown_(begin), recent_{{begin, 0}} {}

  /// The current line; nothing when the last one is too recent.
  std::optional<std::string> line(std::uint64_t bytes,
                                  std::optional<std::uint64_t> total,
                                  Clock::time_point now);

  /// The last line: "273 MB in 22s, 12.4 MB/s". `received` counts all bytes that were received.
  std::string summary(std::uint64_t bytes, std::uint64_t received, Clock::time_point now) const;

 private:
  double rate(std::uint64_t bytes, Clock::time_point now);

  Clock::time_point begin_;
  Clock::time_point shown_;
  std::deque<std::pair<Clock::time_point, std::uint64_t>> recent_;
};

}  // namespace curl
