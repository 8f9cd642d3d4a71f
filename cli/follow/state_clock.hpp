// How often the newest state of something is written where nothing can be overwritten.
#pragma once

#include <algorithm>
#include <chrono>

namespace dstack::cli {

class StateClock {
 public:
  /// Of progress bars less than a second, so that a reader sees one in each.
  explicit StateClock(std::chrono::milliseconds between = std::chrono::milliseconds(900))
      : between_(between) {}

  /// Until it is time to write them; 0: now.
  int milliseconds_left() const {
    const auto past = std::chrono::steady_clock::now() - written_at_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(between_ - past);
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, left.count()));
  }

  /// They were written now.
  void restart() { written_at_ = std::chrono::steady_clock::now(); }

 private:
  std::chrono::milliseconds between_;
  std::chrono::steady_clock::time_point written_at_ = std::chrono::steady_clock::now();
};

}  // namespace dstack::cli
