#include "dstack/files/beneath.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <unordered_set>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::files {

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// Component by component, for kernels before 5.6 and sandboxes that forbid the call.
int open_stepwise(int folder, const std::string& path, int flags) {
  Fd held;
  int at = folder;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t slash = path.find('/', begin);
    const std::string name = path.substr(begin, slash == std::string::npos ? slash : slash - begin);
    if (name == "..") {
      errno = EXDEV;
      return -1;
    }
    if (slash == std::string::npos)
      return ::openat(at, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC);
    Fd next(::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next)
      return -1;
    held = std::move(next);
    at = held.get();
    begin = slash + 1;
  }
}

}  // namespace

int open_beneath(int folder, const std::string& path, int flags) {
  static std::atomic<bool> is_known_absent = false;
  if (!is_known_absent.load(std::memory_order_relaxed)) {
    open_how how{};
    how.flags = static_cast<__u64>(flags | O_NOFOLLOW | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    for (;;) {
      const long fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
      if (fd >= 0)
        return static_cast<int>(fd);
      if (errno == EINTR || errno == EAGAIN)
        continue;
      if (errno != ENOSYS && errno != EPERM)
        return -1;
      break;
    }
    // EPERM may be the file's own; only the fallback can tell, and then for this file alone.
    if (errno == ENOSYS)
      is_known_absent = true;
  }
  return open_stepwise(folder, path, flags);
}

std::optional<FileState> file_state(const struct stat& status) {
  FileState state;
  if (S_ISREG(status.st_mode))
    state.type = (status.st_mode & S_IXUSR) != 0 ? EntryType::executable : EntryType::file;
  else if (S_ISDIR(status.st_mode))
    state.type = EntryType::folder;
  else if (S_ISLNK(status.st_mode))
    state.type = EntryType::link;
  else
    return std::nullopt;
  if (state.type != EntryType::link)
    state.closed = usual_mode(state.type) & ~status.st_mode;
  state.inode = status.st_ino;
  state.size = static_cast<std::uint64_t>(status.st_size);
  state.modified = nanoseconds(status.st_mtim);
  state.changed = nanoseconds(status.st_ctim);
  return state;
}

Result<std::string> path_inside(const Path& root, const Path& at, const std::string& path) {
  boost::system::error_code error;
  const Path real_root = fs::canonical(root, error);
  if (error)
    return fail_errno_of(error.value(), "cannot inspect '{}'", root.string());
  const Path real = fs::canonical(at, error);
  if (error)
    return fail_errno_of(error.value(), "cannot inspect '{}'", path);
  const std::string before = real_root == "/" ? "/" : real_root.string() + "/";
  if (real == real_root || !real.string().starts_with(before))
    return fail(ErrorCode::unavailable,
                "'{}' leads out of its folder through a link, to '{}'",
                path,
                real.string())
        .with_hint("copy the files there instead of linking to them");
  return real.string().substr(before.size());
}

std::vector<ClosedFolder> closed_folders(int root, const std::vector<FoundFile>& entries) {
  std::vector<ClosedFolder> closed;
  std::unordered_set<std::string> looked_at;
  for (const FoundFile& entry : entries)
    for (std::size_t slash = entry.path.rfind('/'); slash != std::string::npos && slash > 0;
         slash = entry.path.rfind('/', slash - 1)) {
      std::string folder = entry.path.substr(0, slash);
      const auto [known, is_new] = looked_at.insert(std::move(folder));
      if (!is_new)
        break;  // and so are those above it
      struct stat status;
      if (::fstatat(root, known->c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      const auto state = file_state(status);
      if (state && state->type == EntryType::folder && state->closed != 0)
        closed.push_back({*known, state->closed});
    }
  std::sort(closed.begin(), closed.end(), [](const ClosedFolder& a, const ClosedFolder& b) {
    return a.path < b.path;
  });
  return closed;
}

bool is_missing(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

Result<void> check_depth(const std::string& path) {
  constexpr std::size_t longest_path = PATH_MAX - 1;
  constexpr std::size_t longest_shown = 60;
  if (path.size() <= longest_path)
    return {};
  return fail(ErrorCode::unavailable,
              "'{}/…' is nested too deeply: a path in it has {} bytes, and the system limit is {}",
              path.substr(0, path.rfind('/', longest_shown)),
              path.size(),
              longest_path)
      .with_hint("use fewer levels of folders, or pack them into one file (tar)");
}

}  // namespace dstack::files
