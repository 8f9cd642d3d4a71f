#include "dstack/run/runner/disk_watch.hpp"

#include <algorithm>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t folders_at_a_time = 64;
constexpr std::chrono::milliseconds between_parts{5};
constexpr std::chrono::milliseconds between_counts{500};
/// The most of a processor's time that counting takes is one part in so many.
constexpr int part_of_time = 20;
constexpr std::uint64_t block_size = 512;  // of st_blocks, stat(3type)

}  // namespace

DiskWatch::DiskWatch(std::vector<Path> folders, std::uint64_t limit)
    : folders_(std::move(folders)), limit_(limit), next_(Clock::now() + between_counts) {
  begin_count();
  while (!count_some()) {
  }
  before_ = last_ = sum_;
  begin_count();
}

void DiskWatch::begin_count() {
  waiting_ = folders_;
  linked_.clear();
  sum_ = 0;
  spent_ = {};
}

bool DiskWatch::exceeded(Clock::time_point now) {
  if (!next_ || now < *next_)
    return false;
  const auto before = Clock::now();
  const bool is_whole = count_some();
  const auto after = Clock::now();
  spent_ += after - before;
  if (!is_whole) {
    next_ = after + between_parts;
    return false;
  }
  last_ = sum_;
  if (written() > limit_) {
    next_.reset();
    return true;
  }
  next_ = after + std::max<Clock::duration>(between_counts, spent_ * part_of_time);
  begin_count();
  return false;
}

bool DiskWatch::count_some() {
  for (std::size_t i = 0; i < folders_at_a_time && !waiting_.empty(); ++i) {
    const Path folder = std::move(waiting_.back());
    waiting_.pop_back();
    count_folder(folder);
  }
  return waiting_.empty();
}

void DiskWatch::count_folder(const Path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* const entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0)
      ::close(fd);
    return;
  }
  while (const dirent* const entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;

    struct stat status {};

    if (name != "." && name != ".." &&
        ::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
      count(folder / entry->d_name, status);
  }
  ::closedir(entries);
}

void DiskWatch::count(const Path& path, const struct ::stat& status) {
  if (S_ISDIR(status.st_mode))
    waiting_.push_back(path);
  else if (status.st_nlink > 1 && !linked_.insert(status.st_ino).second)
    return;
  sum_ += static_cast<std::uint64_t>(status.st_blocks) * block_size;
}

}  // namespace dstack::run
