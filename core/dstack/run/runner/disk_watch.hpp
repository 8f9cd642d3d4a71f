// How much a job has written, where its workflow limits that by `resources: {disk: …}`: its folders
// are counted again and again, a few thousand files at a time, so that nothing else waits for it.
#pragma once

#include "dstack/base/file.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include <sys/stat.h>

namespace dstack::run {

class DiskWatch {
 public:
  using Clock = std::chrono::steady_clock;

  /// Watches nothing.
  DiskWatch() = default;

  /// `limit`: bytes on the disk beyond those that the folders have now. A folder that does not
  /// exist is empty.
  DiskWatch(std::vector<Path> folders, std::uint64_t limit);

  /// Goes on counting. True, once: a whole count was more than the limit. What has several names is
  /// counted once; what has none any more, and what may not be read, is not counted.
  bool exceeded(Clock::time_point now);

  /// Beyond what was there, by the last whole count.
  std::uint64_t written() const { return last_ > before_ ? last_ - before_ : 0; }

  /// When to call exceeded() next; nothing: never.
  std::optional<Clock::time_point> next() const { return next_; }

 private:
  void begin_count();
  /// False: not all yet.
  bool count_some();
  void count_folder(const Path& folder);
  void count(const Path& path, const struct ::stat& status);

  std::vector<Path> folders_;
  std::uint64_t limit_ = 0;
  std::uint64_t before_ = 0;
  std::uint64_t last_ = 0;
  std::optional<Clock::time_point> next_;
  std::vector<Path> waiting_;  ///< folders of the current count
  std::unordered_set<std::uint64_t> linked_;
  std::uint64_t sum_ = 0;
  Clock::duration spent_{0};
};

}  // namespace dstack::run
