#include "dstack/files/staging_folder.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::files {

namespace {

// Only folders of this name are known to be locked by their makers.
constexpr std::string_view prefix = "held-";

bool is_same_folder(int open, const Path& path) {
  struct stat mine;
  struct stat there;
  return ::fstat(open, &mine) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

void remove_if_abandoned(const Path& path) {
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder)
    return;
  const auto held = lock_exclusive(folder.get(), Wait::no);
  if (held && *held && is_same_folder(folder.get(), path))
    (void)remove_tree(path);
}

}  // namespace

Result<StagingFolder> StagingFolder::make(const Home& home, std::string_view purpose) {
  remove_abandoned_staging_folders(home);
  for (;;) {
    DSTACK_TRY(
        TemporaryFolder folder,
        TemporaryFolder::make(home.temporary(), std::string(prefix) + std::string(purpose) + "-"));
    Fd lock(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Somebody who removes what is abandoned may have come between the two: then another one.
    if (!lock && errno == ENOENT)
      continue;
    if (!lock)
      return fail_errno("cannot open '{}'", folder.path().string());
    // Where folders cannot be locked, this one cannot be taken for abandoned either.
    const auto held = lock_exclusive(lock.get(), Wait::no);
    if (held && (!*held || !is_same_folder(lock.get(), folder.path())))
      continue;
    return StagingFolder(std::move(lock), std::move(folder));
  }
}

void remove_abandoned_staging_folders(const Home& home) {
  boost::system::error_code error;
  for (fs::directory_iterator next(home.temporary(), error), end; !error && next != end;
       next.increment(error))
    if (next->path().filename().string().starts_with(prefix))
      remove_if_abandoned(next->path());
}

}  // namespace dstack::files
