#include "dstack/run/log.hpp"

#include "dstack/run/order.hpp"

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

/// Opens on first use, and again as long as the file is not there yet.
int opened(Fd& fd, const Path& path) {
  if (!fd)
    fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd.get();
}

}  // namespace

std::uint64_t JobLog::size() const {
  struct stat status {};

  const int fd = opened(log_, folder_ / files::log);
  return fd >= 0 && ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<std::string> JobLog::read(std::uint64_t offset, std::size_t most) const {
  const int fd = opened(log_, folder_ / files::log);
  if (fd < 0)
    return std::string();
  std::string bytes(most, '\0');
  std::size_t used = 0;
  while (used < most) {
    const ssize_t count =
        ::pread(fd, bytes.data() + used, most - used, static_cast<off_t>(offset + used));
    if (count < 0) {
      if (errno == EINTR)
        continue;
      return fail_errno("cannot read '" + (folder_ / files::log).string() + "'");
    }
    if (count == 0)
      break;
    used += static_cast<std::size_t>(count);
  }
  bytes.resize(used);
  return bytes;
}

const std::vector<JobLog::Mark>& JobLog::marks() const {
  const Fd file(::open((folder_ / files::log_times).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return marks_;
  std::array<std::int64_t, 2> pair;
  while (::pread(file.get(), pair.data(), sizeof pair, static_cast<off_t>(marks_read_)) ==
         static_cast<ssize_t>(sizeof pair)) {
    marks_.push_back(
        {static_cast<std::uint64_t>(pair[0]), Timestamp(std::chrono::milliseconds(pair[1]))});
    marks_read_ += sizeof pair;
  }
  return marks_;
}

std::optional<Timestamp> JobLog::time_at(std::uint64_t offset) const {
  const auto& all = marks_.empty() || offset >= marks_.back().offset ? marks() : marks_;
  const auto next =
      std::upper_bound(all.begin(), all.end(), offset, [](std::uint64_t value, const Mark& mark) {
        return value < mark.offset;
      });
  if (next == all.begin())
    return std::nullopt;
  return std::prev(next)->at;
}

std::uint64_t JobLog::offset_since(Timestamp since) const {
  const auto& all = marks();
  const auto first =
      std::find_if(all.begin(), all.end(), [&](const Mark& mark) { return mark.at >= since; });
  if (first == all.end())
    return size();
  std::uint64_t offset = first->offset;
  // A line that was begun before does not count: go on to the next beginning.
  while (offset > 0) {
    const auto bytes = read(offset - 1, 65536);
    if (!bytes || bytes->empty())
      return offset;
    const std::size_t end = bytes->find('\n');
    if (end != std::string::npos)
      return offset - 1 + end + 1;
    offset += bytes->size();
  }
  return offset;
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
