#include "dstack/files/held_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::files {

bool is_same_file(int open, const Path& path) {
  struct stat mine;
  struct stat there;
  return ::fstat(open, &mine) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

Result<HeldFile> make_held_file(const Path& folder, std::string_view prefix) {
  for (;;) {
    std::string name = (folder / (std::string(prefix) + "XXXXXX")).string();
    Fd file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file)
      return fail_errno("cannot make a file in '{}'", folder.string());
    const auto held = lock_exclusive(file.get(), Wait::no);
    if (!held) {
      ::unlink(name.c_str());
      return Failure(held.error());
    }
    // Somebody who removes what is abandoned may have come between the two: then another one.
    if (*held && is_same_file(file.get(), name))
      return HeldFile{std::move(name), std::move(file)};
  }
}

Fd take_abandoned_file(const Path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file)
    return {};
  const auto held = lock_exclusive(file.get(), Wait::no);
  if (!held || !*held || !is_same_file(file.get(), path))
    return {};
  return file;
}

}  // namespace dstack::files
