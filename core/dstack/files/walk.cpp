#include "dstack/files/walk.hpp"

#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"

#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::files {

namespace {

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
    // A list instead of recursion, so that no more than one folder is open however deep they go.
    std::vector<std::string> waiting{path};
    while (!waiting.empty()) {
      const std::string folder = std::move(waiting.back());
      waiting.pop_back();
      DSTACK_CHECK(read(folder, waiting));
    }
    return std::move(found_);
  }

 private:
  Result<void> read(const std::string& path, std::vector<std::string>& waiting) {
    const Folder folder = open_folder(root_, path);
    if (!folder) {
      if (is_missing(errno))
        return {};
      return fail_errno("cannot read the folder '{}'", path);
    }
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr && errno != 0)
        return fail_errno("cannot read the folder '{}'", path);
      if (entry == nullptr)
        return {};
      if (!is_self_or_parent(entry->d_name))
        DSTACK_CHECK(look_at(::dirfd(folder.get()), path, entry->d_name, waiting));
    }
  }

  Result<void> look_at(int folder,
                       const std::string& folder_path,
                       const char* name,
                       std::vector<std::string>& waiting) {
    struct stat status;
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (is_missing(errno))
        return {};
      return fail_errno("cannot inspect '{}' in '{}'", name, folder_path);
    }
    const std::string path = folder_path.empty() ? name : folder_path + "/" + name;
    const auto state = file_state(status);
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
