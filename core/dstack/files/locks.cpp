#include "dstack/files/locks.hpp"

#include "dstack/base/fd.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace dstack::files {

namespace {

/// Without a name as soon as it is open, so that nobody has to remove it.
Fd make_nameless_file(const Path& folder) {
  if (Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); file)
    return file;
  // NFS and others have no such files.
  std::string name = (folder / ".dstack-lock-XXXXXX").string();
  Fd file(::mkostemp(name.data(), O_CLOEXEC));
  if (file)
    ::unlink(name.c_str());
  return file;
}

/// Of the open file and not of the process, so that it cannot release a lock of SQLite's.
int take_range_lock(int fd) {
  struct flock range {};

  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &range);
}

/// Nobody else knows the file, so every refusal is one of the file system.
template <typename Lock>
Result<void> check(const Path& folder, Lock lock) {
  while (lock() != 0)
    if (errno != EINTR)
      return fail_lock(errno, folder.string());
  return {};
}

}  // namespace

Result<void> try_locks_in(const Path& folder) {
  const Fd file = make_nameless_file(folder);
  if (!file)
    return {};
  DSTACK_CHECK(check(folder, [&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }));
  return check(folder, [&] { return take_range_lock(file.get()); });
}

}  // namespace dstack::files
