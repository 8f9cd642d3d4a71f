#include "commands/download_folder.hpp"

#include "dstack/base/file_digest.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"

#include <array>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

using files::EntryType;

std::string name_of(const std::string& path) {
  return std::string(file_name(path));
}

bool is_same_link(int folder, const std::string& name, const store::TreeFile& file) {
  std::array<char, PATH_MAX + 1> target;
  const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
  return size >= 0 && sha256({target.data(), static_cast<std::size_t>(size)}) == file.digest;
}

/// Whoever may read it may then start it, or nobody may.
void set_executable(int file, mode_t mode, bool executable) {
  if (((mode & S_IXUSR) != 0) != executable)
    ::fchmod(file, executable ? mode | ((mode & 0444U) >> 2) : mode & ~0111U);
}

/// Who may not read the file may not start what replaces it either.
std::uint32_t closed_for_others(mode_t mode) {
  const std::uint32_t closed = files::usual_mode(EntryType::file) & ~mode & 0044U;
  return closed | (closed >> 2);
}

timespec to_timespec(std::int64_t nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t fraction = ((nanoseconds % second) + second) % second;
  return {static_cast<time_t>((nanoseconds - fraction) / second), static_cast<long>(fraction)};
}

Result<void> make_draft(const store::ObjectStore* objects,
                        const store::TreeFile& file,
                        int folder,
                        const std::string& draft,
                        std::uint32_t closed,
                        const std::function<Result<void>(int target)>& fill) {
  if (objects != nullptr && file.type == EntryType::link) {
    DSTACK_TRY(const std::string target, objects->read_blob(file.digest));
    if (::symlinkat(target.c_str(), folder, draft.c_str()) != 0)
      return fail_errno("cannot make the link");
    return {};
  }
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Fd target(
      ::openat(folder, draft.c_str(), flags, files::mode_under_umask(file.type, closed)));
  if (!target)
    return fail_errno("cannot make a file");
  return fill(target.get());
}

}  // namespace

Result<DownloadFolder> DownloadFolder::open(const Path& folder, const files::Home& home) {
  DownloadFolder opened(folder, home);
  boost::system::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error))
    return fail(ErrorCode::usage, "'{}' is not a folder", folder.string())
        .with_hint(
            "'-o' names the folder to write to; 'dstack artifacts cat RUN PATH > FILE' writes "
            "one file");
  if (fs::exists(folder, error)) {
    DSTACK_TRY(opened.root_, files::UsersFolder::open(folder));
  }
  return opened;
}

Result<DownloadFolder::Found> DownloadFolder::compare(const store::TreeFile& file,
                                                      const std::string& path) const {
  const Fd parent = open_parent(path);
  const std::string name = name_of(path);
  struct stat status;
  if (!parent || ::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return Found::nothing;
  if (S_ISDIR(status.st_mode))
    return Found::folder;
  if (file.type == EntryType::link || !S_ISREG(status.st_mode))
    return file.type == EntryType::link && is_same_link(parent.get(), name, file)
               ? Found::same
               : Found::different;
  const Fd existing(
      ::openat(parent.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!existing || static_cast<std::uint64_t>(status.st_size) != file.size)
    return Found::different;
  DSTACK_TRY(
      const Digest digest,
      hash_file(existing.get()).map_error(while_doing(fmt::format("reading '{}'", shown(path)))));
  if (digest != file.digest)
    return Found::different;
  set_executable(existing.get(), status.st_mode & 0777, file.type == EntryType::executable);
  return Found::same;
}

Result<void> DownloadFolder::prepare() {
  DSTACK_CHECK(make_folders(folder_));
  DSTACK_TRY(root_, files::UsersFolder::open(folder_));
  return {};
}

Result<void> DownloadFolder::make_folder(const std::string& path, std::uint32_t closed) {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string folder = path.substr(0, slash);
    const std::uint32_t its_own = slash == std::string::npos ? closed : 0;
    const Fd parent = open_parent(folder);
    const std::string name = name_of(folder);
    const mode_t mode = files::mode_under_umask(EntryType::folder, its_own) | 0700;
    struct stat status;
    if (parent && ::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(status.st_mode))
        continue;
      if (::unlinkat(parent.get(), name.c_str(), 0) != 0)
        return fail_errno("cannot remove '{}'", shown(folder));
    }
    if (!parent || ::mkdirat(parent.get(), name.c_str(), mode) != 0)
      return fail_errno("cannot make the folder '{}'", shown(folder));
    if ((its_own & 0700) != 0)
      to_close_.emplace_back(folder, its_own & 0700);
  }
  return {};
}

Result<void> DownloadFolder::write(const store::ObjectStore& objects,
                                   const store::TreeFile& file,
                                   const std::string& path) {
  return put(&objects, file, path, [&](int target) { return objects.copy_content(file, target); });
}

Result<void> DownloadFolder::write(std::string_view text,
                                   const store::TreeFile& file,
                                   const std::string& path) {
  return put(nullptr, file, path, [&](int target) { return write_all(target, text); });
}

Result<void> DownloadFolder::put(const store::ObjectStore* objects,
                                 const store::TreeFile& file,
                                 const std::string& path,
                                 const Fill& fill) {
  const Fd parent = open_parent(path);
  if (!parent)
    return fail_errno("cannot open the folder of '{}'", shown(path));
  const std::string name = name_of(path);
  // Not made from the name, which may be as long as names can be.
  const std::string draft = drafts_.name_in(Path(shown(path)).parent_path());
  std::uint32_t closed = file.closed;
  struct stat status;
  if (::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISREG(status.st_mode))
    closed |= closed_for_others(status.st_mode);
  auto made = make_draft(objects, file, parent.get(), draft, closed, fill);
  if (made) {
    const timespec times[2] = {to_timespec(file.modified), to_timespec(file.modified)};
    ::utimensat(parent.get(), draft.c_str(), times, AT_SYMLINK_NOFOLLOW);
    if (::renameat(parent.get(), draft.c_str(), parent.get(), name.c_str()) == 0)
      return {};
    made = fail_errno("cannot put it in place");
  }
  ::unlinkat(parent.get(), draft.c_str(), 0);
  return made.map_error(while_doing(fmt::format("writing '{}'", shown(path))));
}

void DownloadFolder::finish() const {
  for (auto folder = to_close_.rbegin(); folder != to_close_.rend(); ++folder) {
    struct stat status;
    const Fd made(files::open_beneath(root_->fd(), folder->first, O_PATH | O_DIRECTORY));
    if (made && ::fstat(made.get(), &status) == 0)
      (void)change_mode(made.get(), (status.st_mode & 07777) & ~folder->second);
  }
}

}  // namespace dstack::cli
