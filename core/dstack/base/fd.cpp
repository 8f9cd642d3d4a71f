#include "dstack/base/fd.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack {

void Fd::reset() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

namespace {

/// As the system knows it: a path; of a pipe or a socket its kind and number.
std::string name_of(int fd) {
  char path[PATH_MAX];
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "a file";
}

}  // namespace

Failure fail_errno_on(int fd, const char* what) {
  const int error = errno;
  return fail_errno_of(error, "{} '{}'", what, name_of(fd));
}

Result<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return fail_errno("cannot make a pipe");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0)
      return Fd(fd);
    if (errno != EINTR)
      return fail_errno("cannot open '{}'", path);
  }
}

Result<std::string> read_all(int fd) {
  // Most of what is read so is small, and untouched memory costs nothing.
  constexpr std::size_t first_piece = 4096;
  std::string text;
  std::size_t used = 0;
  for (;;) {
    if (used == text.size())
      text.resize(std::max(first_piece, 2 * used));
    const ssize_t count = ::read(fd, text.data() + used, text.size() - used);
    if (count < 0) {
      if (errno == EINTR)
        continue;
      return fail_errno_on(fd, "cannot read");
    }
    if (count == 0)
      break;
    used += static_cast<std::size_t>(count);
  }
  text.resize(used);
  return text;
}

Result<std::size_t> read_some(int fd, char* buffer, std::size_t size) {
  std::size_t used = 0;
  while (used < size) {
    const ssize_t count = ::read(fd, buffer + used, size - used);
    if (count < 0) {
      if (errno == EINTR)
        continue;
      return fail_errno_on(fd, "cannot read");
    }
    if (count == 0)
      break;
    used += static_cast<std::size_t>(count);
  }
  return used;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR)
        continue;
      return fail_errno_on(fd, "cannot write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

int change_mode(int fd, mode_t mode) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return ::chmod(path.c_str(), mode) == 0 ? 0 : errno;
}

Result<bool> lock_exclusive(int fd, Wait wait) {
  for (;;) {
    if (::flock(fd, wait == Wait::yes ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
      return true;
    if (errno == EWOULDBLOCK)
      return false;
    if (errno != EINTR)
      return fail_lock(errno, name_of(fd));
  }
}

Failure fail_lock(int error_number, const std::string& path) {
  return fail(ErrorCode::unavailable, "cannot lock '{}': {}", path, std::strerror(error_number))
      .with_hint(
          "its file system refuses locks, as NFS does without a lock service: set DSTACK_HOME to a "
          "folder on a local disk");
}

}  // namespace dstack
