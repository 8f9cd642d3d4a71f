#include "dstack/base/file.hpp"

#include "dstack/base/abandoned_writes.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace dstack {

namespace {

/// Folders that are open at a time: each holds a descriptor and some memory.
constexpr int most_levels = 64;

/// The removal of one tree, however deep: what lies too deep is first moved up to its top. `openat`
/// with O_NOFOLLOW at each step: a link swapped in meanwhile is removed as a link.
class TreeRemoval {
 public:
  /// 0, or the errno of the first thing that could not be removed.
  int remove(int parent, const char* name, int level = 0) {
    if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT)
      return 0;
    if (errno != EISDIR && errno != EPERM && errno != EACCES)
      return errno;
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
      return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
      return errno;
    if (level == most_levels)
      return move_up(parent, name);
    DIR* folder = open_folder(parent, name);
    if (folder == nullptr)
      return errno;
    if (level == 0)
      top_ = ::dirfd(folder);
    int error = empty(folder, level);
    if (level == 0)
      note(error, remove_moved());
    ::closedir(folder);
    if (error != 0)
      return error;
    return ::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
  }

 private:
  static void note(int& first_error, int error) {
    if (first_error == 0)
      first_error = error;
  }

  /// So that its owner may do anything with it.
  static bool open_up(int parent, const char* name) {
    const Fd closed(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return closed && change_mode(closed.get(), 0700) == 0;
  }

  static DIR* open_folder(int parent, const char* name) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd opened(::openat(parent, name, flags));
    if (!opened && errno == EACCES && open_up(parent, name))
      opened = Fd(::openat(parent, name, flags));
    DIR* folder = opened ? ::fdopendir(opened.get()) : nullptr;
    if (folder != nullptr)
      (void)opened.release();
    return folder;
  }

  int empty(DIR* folder, int level) {
    const int fd = ::dirfd(folder);
    int first_error = 0;
    bool made_writable = false;
    while (const dirent* entry = ::readdir(folder)) {
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0)
        continue;
      int error = remove(fd, entry->d_name, level + 1);
      if (error == EACCES && !made_writable) {
        made_writable = true;
        if (::fchmod(fd, 0700) == 0)
          error = remove(fd, entry->d_name, level + 1);
      }
      note(first_error, error);
    }
    return first_error;
  }

  int move_up(int parent, const char* name) {
    bool opened_up = false;
    for (;;) {
      std::string place = ".removed-" + std::to_string(next_place_);
      if (::renameat(parent, name, top_, place.c_str()) == 0) {
        ++next_place_;
        moved_.push_back(std::move(place));
        return 0;
      }
      if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        ++next_place_;  // taken
      else if (errno == EACCES && !opened_up && open_up(parent, name))
        opened_up = true;
      else
        return errno;
    }
  }

  int remove_moved() {
    int first_error = 0;
    while (!moved_.empty()) {
      const std::string name = std::move(moved_.back());
      moved_.pop_back();
      note(first_error, remove(top_, name.c_str(), 1));
    }
    return first_error;
  }

  int top_ = -1;
  std::size_t next_place_ = 0;
  std::vector<std::string> moved_;
};

constexpr std::string_view temporary_mark = ".tmp-";

/// A new file for a writer, who holds a lock on it for as long as it has this name: one whose lock
/// is free was left by a process that died. Where nothing can be locked, none is taken for that.
Result<Fd> make_temporary(const std::string& path, unsigned mode) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  Fd file(::open(path.c_str(), flags, static_cast<mode_t>(mode)));
  if (!file && errno == EEXIST) {  // of a process with our number, long ago
    ::unlink(path.c_str());
    file = Fd(::open(path.c_str(), flags, static_cast<mode_t>(mode)));
  }
  if (!file && errno == EINTR)
    return open_file(path, flags, static_cast<mode_t>(mode));
  if (!file)
    return fail_errno("cannot open '{}'", path);
  (void)::flock(file.get(), LOCK_EX | LOCK_NB);
  return file;
}

Result<void> fill(int file, const std::string& path, std::string_view bytes, Durable durable) {
  DSTACK_CHECK(write_all(file, bytes).map_error(while_doing(fmt::format("writing '{}'", path))));
  if (durable != Durable::no && ::fsync(file) != 0)
    return fail_errno("cannot sync '{}'", path);
  return {};
}

Result<std::string> read_whole(int file, const Path& path) {
  auto text = read_all(file);
  if (!text)
    return fail_errno_of(text.error().number, "cannot read '{}'", path.string());
  return text;
}

}  // namespace

bool is_source(int fd) {
  struct stat status;
  struct statfs system;
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ::fstatfs(fd, &system) == 0 &&
         system.f_type != PROC_SUPER_MAGIC;
}

Result<Fd> open_source(const Path& path) {
  DSTACK_TRY(Fd file, open_file(path.string(), O_RDONLY | O_NONBLOCK));
  if (!is_source(file.get()))
    return fail(ErrorCode::configuration, "'{}' is not a file, or one of '/proc'", path.string())
        .with_hint("put a file there, or a link to one");
  return file;
}

Result<std::string> read_file(const Path& path) {
  DSTACK_TRY(const Fd file, open_source(path));
  return read_whole(file.get(), path);
}

Result<std::string> read_kernel_file(const Path& path) {
  DSTACK_TRY(const Fd file, open_file(path.string(), O_RDONLY));
  return read_whole(file.get(), path);
}

Result<void> write_file_atomically(
    const Path& path, std::string_view bytes, Durable durable, unsigned mode, const Path& drafts) {
  constexpr int most_tries = 10;
  const std::string name = drafts.empty() ? path.string() : (drafts / path.filename()).string();
  const std::string temporary =
      fmt::format("{}{}{}-{}", name, temporary_mark, ::getpid(), ::gettid());
  for (int tries = 1;; ++tries) {
    DSTACK_TRY(const Fd file, make_temporary(temporary, mode));
    auto written = fill(file.get(), temporary, bytes, durable);
    if (written && ::rename(temporary.c_str(), path.c_str()) == 0)
      break;
    const int error = errno;
    // Somebody who removes what is abandoned came before the lock.
    if (written && error == ENOENT && tries < most_tries)
      continue;
    ::unlink(temporary.c_str());
    return written ? fail_errno_of(error, "cannot put '{}' in place", path.string()) : written;
  }
  if (durable == Durable::yes)
    return sync_folder(path.parent_path());
  return {};
}

bool is_unfinished_write(std::string_view name) {
  return name.find(temporary_mark) != std::string_view::npos;
}

void remove_abandoned_write(const Path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0)
    ::unlink(path.c_str());
}

void remove_abandoned_writes(const Path& folder) {
  boost::system::error_code error;
  for (fs::directory_iterator next(folder, error), end; !error && next != end;
       next.increment(error))
    if (is_unfinished_write(next->path().filename().string()))
      remove_abandoned_write(next->path());
}

Result<void> make_folders(const Path& path) {
  boost::system::error_code error;
  fs::create_directories(path, error);
  if (error)
    return fail_errno_of(error.value(), "cannot make the folder '{}'", path.string());
  return {};
}

Result<void> sync_folder(const Path& path) {
  DSTACK_TRY(const Fd folder,
             open_file(path.empty() ? "." : path.string(), O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0)
    return fail_errno("cannot sync the folder '{}'", path.string());
  return {};
}

Result<void> remove_tree(const Path& path) {
  const int error = TreeRemoval().remove(AT_FDCWD, path.c_str());
  if (error != 0)
    return fail_errno_of(error, "cannot remove '{}'", path.string());
  return {};
}

Result<TemporaryFolder> TemporaryFolder::make(const Path& parent, std::string_view prefix) {
  DSTACK_CHECK(make_folders(parent));
  std::string pattern = (parent / std::string(prefix)).string() + "XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr)
    return fail_errno("cannot make a temporary folder in '{}'", parent.string());
  TemporaryFolder folder;
  folder.path_ = pattern;
  return folder;
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty())
    (void)remove_tree(path_);
}

bool is_folder(const Path& path) {
  boost::system::error_code error;
  return fs::is_directory(path, error);
}

Path real_path(const Path& path) {
  boost::system::error_code error;
  Path real = fs::canonical(path, error);
  return error ? path : real;
}

Path place_of_new(const Path& path) {
  boost::system::error_code error;
  const Path absolute = fs::absolute(path);
  const Path place = fs::weakly_canonical(absolute, error);
  return error ? absolute.lexically_normal() : place;
}

std::string display_path(const Path& path, const Path& base) {
  const Path relative = path.lexically_relative(base);
  if (relative.empty() || *relative.begin() == "..")
    return path.string();
  return relative.string();
}

std::optional<std::string> normal_relative_path(std::string_view text) {
  if (!text.empty() && text.front() == '/')
    return std::nullopt;
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    text = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
    if (part.empty() || part == ".")
      continue;
    if (part == "..")
      return std::nullopt;
    parts.push_back(part);
  }
  std::string joined;
  for (const std::string_view part : parts) {
    if (!joined.empty())
      joined += '/';
    joined += part;
  }
  return joined;
}

}  // namespace dstack
