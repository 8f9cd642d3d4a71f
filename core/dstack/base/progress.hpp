// How far long work is: what copies or hashes counts its files and bytes, and whoever started the
// work may show them. Neither knows the other: the counts are those of the thread's work, as its
// stop is (base/stop_flag.hpp).
#pragma once

#include "dstack/base/event.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace dstack {

struct WorkAmount {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;

  bool operator==(const WorkAmount&) const = default;
};

struct WorkState {
  WorkAmount done;
  WorkAmount all;  ///< as far as it is known; may grow
};

/// Calls `show` from a thread of its own, while there is much to do: what takes less than about a
/// second starts no thread.
class ProgressReporter {
 public:
  using Show = std::function<void(const WorkState& state)>;

  ProgressReporter(std::chrono::milliseconds between, Show show)
      : between_(between), show_(std::move(show)) {}

  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;
  /// `show` is not called any more.
  ~ProgressReporter();

  /// For any thread.
  void expect(const WorkAmount& more);
  void count(const WorkAmount& more);
  WorkState state() const;

 private:
  struct Count {
    std::atomic<std::uint64_t> files = 0;
    std::atomic<std::uint64_t> bytes = 0;

    void add(const WorkAmount& more);

    WorkAmount amount() const { return {files, bytes}; }
  };

  void begin();
  void run();

  const std::chrono::milliseconds between_;
  const Show show_;
  Count done_;
  Count all_;
  std::once_flag begun_;
  Event over_;
  std::jthread thread_;
};

/// While it lives, what this thread's work counts goes to `reporter`; null: nowhere. Restores the
/// one before.
class ReportedWork {
 public:
  explicit ReportedWork(ProgressReporter* reporter);
  ReportedWork(const ReportedWork&) = delete;
  ReportedWork& operator=(const ReportedWork&) = delete;
  ~ReportedWork();

 private:
  ProgressReporter* before_;
};

/// That of this thread's work, for the threads that do a part of it; null: there is none.
ProgressReporter* progress_reporter();
/// Of this thread's work.
void expect_work(const WorkAmount& more);
void count_work(const WorkAmount& more);

}  // namespace dstack
