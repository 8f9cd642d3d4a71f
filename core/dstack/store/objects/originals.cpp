#include "dstack/store/objects/originals.hpp"

#include "dstack/base/path.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/store/objects/stream.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr const char* draft_name = "copy";

Result<void> write_copy(int file, const struct stat& status, int staging) {
  const Fd copy(::openat(staging, draft_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!copy)
    return fail_errno("cannot make it");
  DSTACK_CHECK(copy_bytes(file, copy.get(), static_cast<std::uint64_t>(status.st_size)));
  const timespec times[] = {status.st_atim, status.st_mtim};
  if (::fchmod(copy.get(), status.st_mode & 07777) != 0 || ::futimens(copy.get(), times) != 0)
    return fail_errno("cannot set its mode and time");
  return {};
}

Result<void> take_back(int root, const std::string& path, int staging) {
  struct stat status;
  const Fd file(files::open_beneath(root, path, O_RDONLY | O_NONBLOCK));
  if (!file || ::fstat(file.get(), &status) != 0)
    return fail_errno("cannot read it");
  if (status.st_nlink == 1)
    return {};
  const std::string above(folder_of(path));
  const Fd parent(files::open_beneath(root, above.empty() ? "." : above, O_PATH | O_DIRECTORY));
  if (!parent)
    return fail_errno("cannot open its folder");
  auto copied = write_copy(file.get(), status, staging);
  const std::string name(file_name(path));
  if (copied && ::renameat(staging, draft_name, parent.get(), name.c_str()) != 0)
    copied = fail_errno("cannot put it in place");
  ::unlinkat(staging, draft_name, 0);
  return copied;
}

}  // namespace

Result<void> take_back_originals(const files::Home& home, const Path& folder) {
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(const auto staging, files::StagingFolder::make(home, "copies"));
  DSTACK_TRY(const files::Walk walk, files::walk_folder(root.get(), ""));
  for (const files::FoundFile& entry : walk.entries)
    if (entry.state.type == files::EntryType::file ||
        entry.state.type == files::EntryType::executable)
      DSTACK_CHECK(take_back(root.get(), entry.path, staging.fd())
                       .map_error(while_doing(fmt::format("copying '{}'", entry.path))));
  return {};
}

}  // namespace dstack::store
