#include "dstack/run/runner/log_limit.hpp"

#include "dstack/run/protocol/file_names.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t longest_line = 4096;

/// A gap begins behind the end of a line and ends there, unless the line is very long.
std::uint64_t behind_last_line(int log, std::uint64_t offset) {
  std::array<char, longest_line> buffer;
  const std::uint64_t from = offset - std::min<std::uint64_t>(offset, buffer.size());
  const ssize_t count = ::pread(
      log, buffer.data(), static_cast<std::size_t>(offset - from), static_cast<off_t>(from));
  if (count <= 0)
    return offset;
  const std::size_t end =
      std::string_view(buffer.data(), static_cast<std::size_t>(count)).rfind('\n');
  return end == std::string_view::npos ? offset : from + end + 1;
}

std::uint64_t behind_next_line(int log, std::uint64_t offset) {
  std::array<char, longest_line> buffer;
  const ssize_t count = ::pread(log, buffer.data(), buffer.size(), static_cast<off_t>(offset));
  if (count <= 0)
    return offset;
  const std::size_t end =
      std::string_view(buffer.data(), static_cast<std::size_t>(count)).find('\n');
  return end == std::string_view::npos ? offset : offset + end + 1;
}

}  // namespace

Result<LogLimit> LogLimit::of(const Path& job_folder, std::uint64_t bytes) {
  LogLimit limit(job_folder, bytes);
  DSTACK_TRY(limit.gap_, read_log_gap(job_folder));
  return limit;
}

std::uint64_t LogLimit::room(std::uint64_t offset) const {
  if (bytes_ == 0)
    return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t end = bytes_ + (gap_ ? gap_->size() : 0);
  return end - std::min(end, offset);
}

Result<LogLimit::Given> LogLimit::give_back(int log, std::uint64_t offset) {
  // A good part at a time: each costs a few calls.
  const std::uint64_t kept_end = bytes_ / 2 - bytes_ / 8;
  LogGap gap = gap_.value_or(LogGap{});
  const bool is_first = !gap_;
  if (is_first)
    gap.begin = behind_last_line(log, bytes_ / 2);
  const std::uint64_t from = is_first ? gap.begin : gap.end;
  gap.end = behind_next_line(log, std::max(from + 1, offset - std::min(offset, kept_end)));
  // Said first: so no reader takes the zeros of the hole for output.
  DSTACK_CHECK(write_log_gap(folder_, gap));
  while (::fallocate(log,
                     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     static_cast<off_t>(gap.begin),
                     static_cast<off_t>(gap.size())) != 0)
    if (errno != EINTR) {
      ::unlink((folder_ / file_names::log_gap).c_str());
      bytes_ = 0;
      return Given::nothing;
    }
  gap_ = gap;
  return is_first ? Given::first : Given::again;
}

}  // namespace dstack::run
