#include "dstack/run/protocol/job_log.hpp"

#include "dstack/run/protocol/file_names.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

JobLog::JobLog(Path job_folder) : folder_(std::move(job_folder)) {}

namespace {

using StoredMark = std::array<std::int64_t, 2>;
constexpr std::size_t marks_of_page = 64;
// Far in the future, and the sum of several can be represented.
constexpr std::int64_t longest_time = std::int64_t{1} << 60;

/// Opens on first use, and again as long as the file is not there yet.
int opened(Fd& fd, const Path& path) {
  if (!fd)
    fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd.get();
}

}  // namespace

std::uint64_t JobLog::size() const {
  struct stat status {};

  const int fd = opened(log_, folder_ / file_names::log);
  return fd >= 0 && ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<std::string> JobLog::read(std::uint64_t offset, std::size_t most) const {
  std::string bytes(most, '\0');
  DSTACK_TRY(const std::string_view found, read_into(bytes, offset));
  bytes.resize(found.size());
  return bytes;
}

Result<std::string_view> JobLog::read_into(std::string& buffer, std::uint64_t offset) const {
  const int fd = opened(log_, folder_ / file_names::log);
  if (fd < 0)
    return std::string_view();
  std::size_t used = 0;
  while (used < buffer.size()) {
    const ssize_t count =
        ::pread(fd, buffer.data() + used, buffer.size() - used, static_cast<off_t>(offset + used));
    if (count < 0) {
      if (errno == EINTR)
        continue;
      return fail_errno("cannot read '{}'", (folder_ / file_names::log).string());
    }
    if (count == 0)
      break;
    used += static_cast<std::size_t>(count);
  }
  return std::string_view(buffer).substr(0, used);
}

Result<std::string> JobLog::read_end(std::size_t most, std::uint64_t begin) const {
  const std::uint64_t end = size();
  return read(std::max(begin, end > most ? end - most : 0), most);
}

std::uint64_t JobLog::mark_count() const {
  struct stat status {};

  const int found = ::stat((folder_ / file_names::log_times).c_str(), &status);
  return found == 0 ? static_cast<std::uint64_t>(status.st_size) / sizeof(StoredMark) : 0;
}

/// Nothing after the last one. Marks are never changed, so a page that was read stays valid; only
/// after its end there may be new ones. The file is not kept open: many logs are read
/// side by side.
std::optional<JobLog::Mark> JobLog::mark(std::uint64_t index) const {
  if (index < page_begin_ || index - page_begin_ >= page_.size()) {
    page_begin_ = index > 0 ? index - 1 : 0;  // with its neighbour: one is compared with the next
    page_.clear();
    const Fd file(::open((folder_ / file_names::log_times).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<StoredMark, marks_of_page> stored;
    const ssize_t bytes = ::pread(file.get(),
                                  stored.data(),
                                  sizeof stored,
                                  static_cast<off_t>(page_begin_ * sizeof(StoredMark)));
    const std::size_t count = bytes < 0 ? 0 : static_cast<std::size_t>(bytes) / sizeof(StoredMark);
    for (std::size_t i = 0; i < count; ++i)
      page_.push_back({static_cast<std::uint64_t>(stored[i][0]),
                       Timestamp(std::chrono::milliseconds(
                           std::clamp(stored[i][1], -longest_time, longest_time)))});
  }
  const std::uint64_t place = index - page_begin_;
  return place < page_.size() ? std::optional(page_[place]) : std::nullopt;
}

/// Whether the byte at `offset` came with this mark and not with a later one.
bool JobLog::is_last_before(std::uint64_t index, std::uint64_t offset) const {
  const auto at = mark(index);
  if (!at || at->offset > offset)
    return false;
  const auto next = mark(index + 1);
  return !next || next->offset > offset;
}

/// The one with which the byte at `offset` came.
std::optional<std::uint64_t> JobLog::mark_at(std::uint64_t offset) const {
  // A reader goes on line by line: mostly it is the mark of the last line, or the next.
  for (const std::uint64_t near : {last_found_, last_found_ + 1})
    if (is_last_before(near, offset)) {
      last_found_ = near;
      return near;
    }
  std::uint64_t first = 0;
  std::uint64_t end = mark_count();
  while (first < end) {
    const std::uint64_t middle = first + (end - first) / 2;
    const auto at = mark(middle);
    if (at && at->offset <= offset)
      first = middle + 1;
    else
      end = middle;
  }
  if (first == 0)
    return std::nullopt;
  last_found_ = first - 1;
  return last_found_;
}

std::optional<Timestamp> JobLog::time_at(std::uint64_t offset) const {
  const auto index = mark_at(offset);
  const auto found = index ? mark(*index) : std::nullopt;
  return found ? std::optional(found->at) : std::nullopt;
}

std::optional<std::chrono::milliseconds> JobLog::elapsed_at(std::uint64_t offset) const {
  const auto index = mark_at(offset);
  return index ? elapsed(*index) : std::nullopt;
}

/// Goes on from where it was asked last, so that going through a log reads its marks once.
std::optional<std::chrono::milliseconds> JobLog::elapsed(std::uint64_t index) const {
  if (index < clocks_.begin)
    clocks_ = {};
  for (; clocks_.end <= index; ++clocks_.end) {
    const auto told = mark(clocks_.end);
    const auto next = told && told->is_of_run_clock() ? mark(clocks_.end + 1) : std::nullopt;
    if (next)
      clocks_ = {clocks_.end + 1,
                 clocks_.end,
                 next->at + (told->at.time_since_epoch() + std::chrono::milliseconds(1))};
  }
  const auto at = mark(index);
  return at && clocks_.zero ? std::optional(at->at - *clocks_.zero) : std::nullopt;
}

/// Where the first line begins that came with a mark or after it; without one, at the end.
std::uint64_t JobLog::next_line(const std::optional<Mark>& mark) const {
  if (!mark)
    return size();
  // The disk may have lost some bytes after it.
  const std::uint64_t offset = std::min(mark->offset, size());
  // A line that was begun before does not count: go on to the next beginning.
  if (offset == 0)
    return 0;
  for (std::uint64_t at = offset - 1;;) {
    const auto bytes = read(at, 65536);
    if (!bytes || bytes->empty())
      return at;  // the line has not ended yet
    const std::size_t end = bytes->find('\n');
    if (end != std::string::npos)
      return at + end + 1;
    at += bytes->size();
  }
}

std::uint64_t JobLog::offset_since(Timestamp since) const {
  // Linear search: a clock may have been set back meanwhile.
  std::uint64_t index = 0;
  auto first = mark(index);
  while (first && first->at < since)
    first = mark(++index);
  return next_line(first);
}

std::optional<std::uint64_t> JobLog::offset_since(std::chrono::milliseconds since) const {
  std::uint64_t index = 0;
  auto first = mark(index);
  for (; first; first = mark(++index)) {
    if (first->is_of_run_clock())
      continue;
    const auto then = elapsed(index);
    if (!then)
      return std::nullopt;
    if (*then >= since)
      break;
  }
  return next_line(first);
}

Result<std::uint64_t> JobLog::offset_of_last(std::size_t lines) const {
  const std::uint64_t end = size();
  if (lines == 0)
    return end;
  std::uint64_t position = end;
  std::size_t found = 0;
  while (position > 0) {
    const std::uint64_t begin = position > 65536 ? position - 65536 : 0;
    DSTACK_TRY(const std::string bytes, read(begin, static_cast<std::size_t>(position - begin)));
    for (std::size_t i = bytes.size(); i > 0; --i) {
      // The newline that ends the last line does not begin another.
      if (bytes[i - 1] != '\n' || begin + i == end)
        continue;
      if (++found == lines)
        return begin + i;
    }
    position = begin;
  }
  return std::uint64_t{0};
}

}  // namespace dstack::run
