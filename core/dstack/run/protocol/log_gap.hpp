// What is left out of a log that has reached its limit: the bytes between its beginning and its
// end. They keep their place in the file, which has a hole there; `log.gap` beside it says where.
#pragma once

#include "dstack/base/file.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dstack::run {

/// Offsets into the log: from `begin` on, up to `end`.
struct LogGap {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
};

/// Nothing where the log is whole, as most are.
Result<std::optional<LogGap>> read_log_gap(const Path& job_folder);
/// Over the one before, in the same few bytes: also where the disk is full.
Result<void> write_log_gap(const Path& job_folder, const LogGap& gap);

/// The line that is shown instead of it.
std::string describe_log_gap(const LogGap& gap);

}  // namespace dstack::run
