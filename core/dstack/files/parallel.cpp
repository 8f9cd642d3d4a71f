#include "dstack/files/parallel.hpp"

#include "dstack/base/progress.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/thread.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <sched.h>

namespace dstack::files {

namespace {

/// Cores that this process may use, which in a container are often fewer than the machine's.
std::size_t core_count() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Result<void> in_parallel(
    std::size_t count,
    std::size_t at_once,
    const std::function<Result<void>(std::size_t first, std::size_t last)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> error;
  const auto take_ranges = [&, flag = stop_flag(), reporter = progress_reporter()] {
    const StoppableWork stoppable(flag);
    const ReportedWork reported(reporter);
    for (;;) {
      const std::size_t first = next.fetch_add(at_once);
      if (first >= count)
        return;
      auto done = check_stop();
      if (done)
        done = work(first, std::min(count, first + at_once));
      if (done)
        continue;
      next = count;
      const std::lock_guard guard(mutex);
      if (!error)
        error = std::move(done.error());
      return;
    }
  };
  const std::size_t ranges = (count + at_once - 1) / at_once;
  std::vector<std::jthread> helpers;
  if (ranges > 1) {
    const std::size_t threads = std::min(core_count(), ranges);
    for (std::size_t i = 1; i < threads; ++i) {
      auto helper = start_thread(take_ranges);
      if (!helper)
        break;  // those that are there do the work
      helpers.push_back(*std::move(helper));
    }
  }
  take_ranges();
  helpers.clear();
  if (error)
    return fail(std::move(*error));
  return {};
}

}  // namespace dstack::files
