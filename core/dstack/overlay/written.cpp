#include "dstack/overlay/written.hpp"

#include "dstack/base/fd.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace dstack::overlay {

namespace {

bool is_whiteout(int folder, const std::string& path) {
  struct stat status {};

  return ::fstatat(folder, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

/// Which of the two it is depends on who mounted.
bool is_opaque(const Path& folder) {
  for (const char* name : {"user.overlay.opaque", "trusted.overlay.opaque"}) {
    char value = '\0';
    if (::lgetxattr(folder.c_str(), name, &value, 1) == 1 && value == 'y')
      return true;
  }
  return false;
}

}  // namespace

bool Written::hides(std::string_view path) const {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string_view part = path.substr(0, end);
    if (removed.count(part) > 0 || files.count(part) > 0)
      return true;
    if (end == std::string_view::npos)
      return false;
    if (opaque.count(part) > 0)
      return true;
  }
}

Result<Written> read_written(const Path& folder) {
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  Written written;
  DSTACK_TRY(written.walk, files::walk_folder(root.get(), ""));
  std::vector<std::string> special;
  for (std::string& path : written.walk.special)
    if (is_whiteout(root.get(), path))
      written.removed.insert(std::move(path));
    else
      special.push_back(std::move(path));
  written.walk.special = std::move(special);
  for (const files::FoundFile& entry : written.walk.entries)
    if (entry.state.type != files::EntryType::folder)
      written.files.insert(entry.path);
    else if (is_opaque(folder / entry.path))
      written.opaque.insert(entry.path);
  written.files.insert(written.walk.special.begin(), written.walk.special.end());
  return written;
}

Result<void> hide(int folder, const std::string& name) {
  if (::mknodat(folder, name.c_str(), S_IFCHR, ::makedev(0, 0)) != 0)
    return fail_errno("cannot hide '{}' in an overlay", name);
  return {};
}

}  // namespace dstack::overlay
