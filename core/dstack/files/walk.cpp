#include "dstack/files/walk.hpp"

#include "dstack/files/beneath.hpp"
#include "dstack/files/drafts.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/parallel.hpp"

#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::files {

namespace {

// So many that a second thread is worth its start.
constexpr std::size_t inspected_at_once = 2048;
constexpr std::size_t folders_at_once = 32;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

using Folder = std::unique_ptr<DIR, CloseFolder>;

/// Null, and errno, where there is none.
Folder open_folder(int root, const std::string& path) {
  Fd fd(open_beneath(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
  if (!fd)
    return nullptr;
  Folder folder(::fdopendir(fd.get()));
  if (folder)
    (void)fd.release();
  return folder;
}

bool is_self_or_parent(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

class Walker {
 public:
  Walker(int root, const Wanted& wanted) : root_(root), wanted_(wanted) {}

  Result<Walk> walk(const std::string& path) {
    // By levels instead of recursion, so that no more folders are open than there are threads,
    // however deep they go.
    std::vector<std::string> level{path};
    while (!level.empty()) {
      std::vector<std::vector<Found>> found(level.size());
      DSTACK_CHECK(in_parallel(
          level.size(), folders_at_once, [&](std::size_t first, std::size_t last) -> Result<void> {
            for (std::size_t i = first; i < last; ++i) {
              DSTACK_TRY(found[i], read(level[i]));
            }
            return {};
          }));
      std::vector<std::string> next;
      for (std::size_t i = 0; i < level.size(); ++i)
        for (const Found& each : found[i])
          DSTACK_CHECK(look_at(level[i], each, next));
      level = std::move(next);
    }
    return std::move(found_);
  }

 private:
  /// A name in a folder, and what fstatat(2) says of it.
  struct Found {
    std::string name;
    struct stat status;
    int error;

    void inspect(int folder) {
      error = ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
    }
  };

  /// Called by several threads.
  Result<std::vector<Found>> read(const std::string& path) const {
    std::vector<Found> found;
    const Folder folder = open_folder(root_, path);
    if (!folder) {
      if (is_missing(errno))
        return found;
      return fail_errno("cannot read the folder '{}'", path);
    }
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr && errno != 0)
        return fail_errno("cannot read the folder '{}'", path);
      if (entry == nullptr)
        break;
      if (!is_self_or_parent(entry->d_name) && !is_draft(entry->d_name))
        found.push_back({entry->d_name, {}, 0});
    }
    DSTACK_CHECK(
        in_parallel(found.size(), inspected_at_once, [&](std::size_t first, std::size_t last) {
          for (std::size_t i = first; i < last; ++i)
            found[i].inspect(::dirfd(folder.get()));
          return Result<void>();
        }));
    return found;
  }

  Result<void> look_at(const std::string& folder_path,
                       const Found& entry,
                       std::vector<std::string>& waiting) {
    if (entry.error != 0) {
      if (is_missing(entry.error))
        return {};
      return fail_errno_of(entry.error, "cannot inspect '{}' in '{}'", entry.name, folder_path);
    }
    const std::string path = folder_path.empty() ? entry.name : folder_path + "/" + entry.name;
    const auto state = file_state(entry.status);
    if (wanted_ && !wanted_(path, state ? state->type : EntryType::file))
      return {};
    DSTACK_CHECK(check_depth(path));
    if (!state) {
      found_.special.push_back(path);
      return {};
    }
    found_.entries.push_back({.path = path, .state = *state});
    if (state->type == EntryType::folder)
      waiting.push_back(path);
    return {};
  }

  int root_;
  const Wanted& wanted_;
  Walk found_;
};

}  // namespace

Result<Walk> walk_folder(int root, const std::string& path, const Wanted& wanted) {
  return Walker(root, wanted).walk(path);
}

}  // namespace dstack::files
