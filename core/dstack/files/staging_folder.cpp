#include "dstack/files/staging_folder.hpp"

#include "dstack/files/held_file.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>

namespace dstack::files {

namespace {

// Only folders of this name are known to be locked by their makers.
constexpr std::string_view prefix = "held-";

}  // namespace

bool is_staging_folder(std::string_view name) {
  return name.starts_with(prefix);
}

void remove_abandoned_staging_folder(const Path& path) {
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder)
    return;
  const auto held = lock_exclusive(folder.get(), Wait::no);
  if (held && *held && is_same_file(folder.get(), path))
    (void)remove_tree(path);
}

Result<StagingFolder> StagingFolder::make(const Home& home, std::string_view purpose) {
  return make_held(home.temporary(), std::string(prefix) + std::string(purpose) + "-");
}

Result<StagingFolder> StagingFolder::make_in(const Path& parent, std::string_view prefix) {
  remove_abandoned_staging_folders(parent, prefix);
  return make_held(parent, prefix);
}

Result<StagingFolder> StagingFolder::make_held(const Path& parent, std::string_view prefix) {
  for (;;) {
    DSTACK_TRY(TemporaryFolder folder, TemporaryFolder::make(parent, prefix));
    Fd lock(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Somebody who removes what is abandoned may have come between the two: then another one.
    if (!lock && errno == ENOENT)
      continue;
    if (!lock)
      return fail_errno("cannot open '{}'", folder.path().string());
    // Where folders cannot be locked, this one cannot be taken for abandoned either.
    const auto held = lock_exclusive(lock.get(), Wait::no);
    if (held && (!*held || !is_same_file(lock.get(), folder.path())))
      continue;
    return StagingFolder(std::move(lock), std::move(folder));
  }
}

void remove_abandoned_staging_folders(const Path& parent, std::string_view prefix) {
  boost::system::error_code error;
  for (fs::directory_iterator next(parent, error), end; !error && next != end;
       next.increment(error))
    if (next->path().filename().string().starts_with(prefix))
      remove_abandoned_staging_folder(next->path());
}

void remove_abandoned_staging_folders(const Home& home) {
  remove_abandoned_staging_folders(home.temporary(), prefix);
}

}  // namespace dstack::files
