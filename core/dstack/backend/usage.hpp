// The resource usage of a job's processes.
#pragma once

#include "dstack/job/usage.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace dstack::backend {

/// Of all processes that were reaped. A process includes the descendants that it waited for.
struct Usage {
  std::chrono::microseconds cpu{0};
  std::uint64_t largest_process = 0;  ///< bytes of memory
  std::uint64_t bytes_read = 0;       ///< from disks
  std::uint64_t bytes_written = 0;
  std::optional<std::uint64_t> peak_memory = {};  ///< of all together, where that is measured
};

/// As recorded.
job::Usage figures_of(const Usage& usage);

}  // namespace dstack::backend
