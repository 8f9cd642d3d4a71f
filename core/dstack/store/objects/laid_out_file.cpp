#include "dstack/store/objects/laid_out_file.hpp"

#include "dstack/base/file_digest.hpp"
#include "dstack/files/beneath.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

timespec to_timespec(std::int64_t nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  std::int64_t seconds = nanoseconds / second;
  if (nanoseconds % second < 0)
    --seconds;
  timespec time{};
  time.tv_sec = seconds;
  time.tv_nsec = nanoseconds - seconds * second;
  return time;
}

}  // namespace

Times::Times(std::int64_t modified) : values{to_timespec(modified), to_timespec(modified)} {}

bool link_object(int object, int folder, const std::string& name, std::int64_t modified) {
  // Between the look at its names and the new one nobody else may give it another time.
  if (::flock(object, LOCK_EX | LOCK_NB) != 0)
    return false;
  struct stat status;
  if (::fstat(object, &status) != 0)
    return false;
  const Times times(modified);
  const bool has_time = status.st_mtim.tv_sec == times.values[1].tv_sec &&
                        status.st_mtim.tv_nsec == times.values[1].tv_nsec;
  if (!has_time && (status.st_nlink != 1 || ::futimens(object, times.values) != 0))
    return false;
  const std::string itself = "/proc/self/fd/" + std::to_string(object);
  return ::linkat(AT_FDCWD, itself.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

bool is_same_file(int folder, const std::string& name, const TreeEntry& entry) {
  struct stat status;
  const Fd existing(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!existing || ::fstat(existing.get(), &status) != 0)
    return false;
  const auto state = files::file_state(status);
  if (!state || state->type != entry.type || state->size != entry.size)
    return false;
  const auto digest = hash_file(existing.get());
  return digest && *digest == entry.digest;
}

bool is_same_link(int folder, const std::string& name, const std::string& target) {
  char existing[PATH_MAX + 1];
  const ssize_t size = ::readlinkat(folder, name.c_str(), existing, sizeof existing);
  return size >= 0 && std::string_view(existing, static_cast<std::size_t>(size)) == target;
}

}  // namespace dstack::store
