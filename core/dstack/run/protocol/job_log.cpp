#include "dstack/run/protocol/job_log.hpp"

#include "dstack/files/beneath.hpp"
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
constexpr std::size_t piece = 65536;

}  // namespace

/// On first use, and again as long as the file is not there yet.
Result<bool> JobLog::open() const {
  if (log_)
    return true;
  auto opened = open_file((folder_ / file_names::log).string(), O_RDONLY);
  if (!opened && files::is_missing(opened.error().number))
    return false;
  if (!opened)
    return fail(std::move(opened).error());
  log_ = *std::move(opened);
  return true;
}

Result<std::uint64_t> JobLog::size() const {
  DSTACK_TRY(const bool is_there, open());

  struct stat status {};

  if (is_there && ::fstat(log_.get(), &status) != 0)
    return fail_errno("cannot look at '{}'", (folder_ / file_names::log).string());
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::string> JobLog::read(std::uint64_t offset, std::size_t most) const {
  std::string bytes(most, '\0');
  DSTACK_TRY(const std::string_view found, read_into(bytes, offset));
  bytes.resize(found.size());
  return bytes;
}

Result<std::string_view> JobLog::read_into(std::string& buffer, std::uint64_t offset) const {
  DSTACK_TRY(const bool is_there, open());
  if (!is_there)
    return std::string_view();
  std::size_t used = 0;
  while (used < buffer.size()) {
    const ssize_t count = ::pread(
        log_.get(), buffer.data() + used, buffer.size() - used, static_cast<off_t>(offset + used));
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

Result<std::optional<LogGap>> JobLog::gap_in(std::string_view bytes, std::uint64_t offset) const {
  if (bytes.find('\0') == std::string_view::npos)
    return std::optional<LogGap>();
  DSTACK_TRY(auto gap, read_log_gap(folder_));
  if (!gap || offset >= gap->end || offset + bytes.size() <= gap->begin)
    return std::optional<LogGap>();
  return gap;
}

Result<std::string_view> JobLog::next(std::string& buffer, std::uint64_t& offset) const {
  DSTACK_TRY(std::string_view bytes, read_into(buffer, offset));
  DSTACK_TRY(const auto gap, gap_in(bytes, offset));
  if (gap && offset >= gap->begin) {
    line_ = describe_log_gap({offset, gap->end});
    offset = gap->end;
    return line_;
  }
  if (gap)
    bytes = bytes.substr(0, gap->begin - offset);
  offset += bytes.size();
  return bytes;
}

Result<std::string> JobLog::read_end(std::size_t most, std::uint64_t begin) const {
  DSTACK_TRY(const std::uint64_t end, size());
  const std::uint64_t from = std::max(begin, end > most ? end - most : 0);
  DSTACK_TRY(std::string bytes, read(from, most));
  DSTACK_TRY(const auto gap, gap_in(bytes, from));
  if (gap)
    bytes.erase(0, gap->end - from);
  return bytes;
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
Result<std::uint64_t> JobLog::next_line(const std::optional<Mark>& mark) const {
  if (!mark)
    return size();
  // The disk may have lost some bytes after it.
  DSTACK_TRY(const std::uint64_t end_now, size());
  const std::uint64_t offset = std::min(mark->offset, end_now);
  // A line that was begun before does not count: go on to the next beginning.
  if (offset == 0)
    return std::uint64_t{0};
  std::string buffer(piece, '\0');
  for (std::uint64_t at = offset - 1;;) {
    const std::uint64_t begin = at;
    DSTACK_TRY(const std::string_view bytes, next(buffer, at));
    if (bytes.empty())
      return at;  // the line has not ended yet
    const std::size_t end = bytes.find('\n');
    if (at - begin != bytes.size())
      return at;  // behind what is left out
    if (end != std::string_view::npos)
      return begin + end + 1;
  }
}

Result<std::uint64_t> JobLog::offset_since(Timestamp since) const {
  // Linear search: a clock may have been set back meanwhile.
  std::uint64_t index = 0;
  auto first = mark(index);
  while (first && first->at < since)
    first = mark(++index);
  return next_line(first);
}

Result<std::optional<std::uint64_t>> JobLog::offset_since(std::chrono::milliseconds since) const {
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
  DSTACK_TRY(const std::uint64_t offset, next_line(first));
  return std::optional(offset);
}

Result<std::uint64_t> JobLog::offset_of_last(std::size_t lines) const {
  DSTACK_TRY(const std::uint64_t end, size());
  if (lines == 0)
    return end;
  std::uint64_t position = end;
  std::size_t found = 0;
  while (position > 0) {
    const std::uint64_t begin = position > piece ? position - piece : 0;
    DSTACK_TRY(const std::string bytes, read(begin, static_cast<std::size_t>(position - begin)));
    DSTACK_TRY(const auto gap, gap_in(bytes, begin));
    const std::uint64_t first = gap ? std::max(begin, gap->end) : begin;
    for (std::uint64_t i = position; i > first; --i) {
      // The newline that ends the last line does not begin another.
      if (bytes[i - 1 - begin] != '\n' || i == end)
        continue;
      if (++found == lines)
        return i;
    }
    position = gap ? gap->begin : begin;
  }
  return std::uint64_t{0};
}

}  // namespace dstack::run
