// A file descriptor that closes itself, and the loops that read and write need. Every descriptor
// made here is close-on-exec: an inherited one would keep a dead supervisor's lock.
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

namespace dstack {

class Fd {
 public:
  Fd() = default;

  explicit Fd(int fd) : fd_(fd) {}

  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  ~Fd() { reset(); }

  int get() const { return fd_; }

  explicit operator bool() const { return fd_ >= 0; }

  int release() { return std::exchange(fd_, -1); }

  void reset();

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe();
/// As fail_errno(), with the path of an open file: "cannot write '/home/user/x': …".
Failure fail_errno_on(int fd, const char* what);
/// `flags` and `mode` as open(2) takes them; O_CLOEXEC is added.
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0644);
/// Everything up to the end of file.
Result<std::string> read_all(int fd);
/// At most `size` bytes; shorter only at the end of file. Retries on EINTR.
Result<std::size_t> read_some(int fd, char* buffer, std::size_t size);
Result<void> write_all(int fd, std::string_view bytes);
/// chmod(2) of what `fd` is open on, also with O_PATH, which fchmod(2) refuses: so that a link
/// swapped in meanwhile is not followed. 0 or an errno.
int change_mode(int fd, mode_t mode);

/// An advisory lock (flock) on an open file. It is released when the last descriptor of this open
/// closes, so also when the process dies.
enum class Wait { no, yes };
/// True when the lock is now held; false only with Wait::no, when another process has it. On NFS
/// the file must be open for writing.
Result<bool> lock_exclusive(int fd, Wait wait);
/// The error of a lock that a file system refuses, with the way out: all files that dstack locks
/// are in its home.
Failure fail_lock(int error_number, const std::string& path);

}  // namespace dstack
