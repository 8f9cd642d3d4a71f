// Doing the same to many things on all cores. Internal to store/, source/ and run/runner.
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <functional>

namespace dstack::files {

/// Calls `work(first, last)` for ranges that together are [0, count), `at_once` long at the most,
/// on as many threads as there are cores; on the caller's own when there is one range or one core.
/// The first error ends it, and so does a stop of the caller's work (base/stop_flag.hpp), which is
/// that of its threads too, which count their work as the caller's (base/progress.hpp). All threads
/// have ended when it returns.
Result<void> in_parallel(
    std::size_t count,
    std::size_t at_once,
    const std::function<Result<void>(std::size_t first, std::size_t last)>& work);

}  // namespace dstack::files
