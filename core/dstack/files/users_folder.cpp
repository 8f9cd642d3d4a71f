#include "dstack/files/users_folder.hpp"

#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::files {

Error in_git_repository(const std::string& shown) {
  return make_error(ErrorCode::configuration,
                    "nothing is written to '{}': Git would take it for a repository of yours, "
                    "whose hooks and settings it runs",
                    shown);
}

Result<UsersFolder> UsersFolder::open(const Path& folder) {
  DSTACK_TRY(Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  return UsersFolder(folder, std::move(root));
}

Fd UsersFolder::open_parent(const std::string& path) const {
  if (!git_part(path).empty()) {
    errno = EPERM;
    return Fd();
  }
  const std::string_view above = folder_of(path);
  return Fd(
      open_beneath(root_.get(), above.empty() ? "." : std::string(above), O_PATH | O_DIRECTORY));
}

Result<Fd> UsersFolder::make_parent(const std::string& path) const {
  if (!git_part(path).empty())
    return fail(in_git_repository(shown(path)));
  DSTACK_CHECK(make_folders(std::string(folder_of(path))));
  Fd parent = open_parent(path);
  if (!parent)
    return fail_errno("cannot open the folder of '{}'", shown(path));
  return parent;
}

std::optional<std::string> UsersFolder::obstacle(const std::string& path) const {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    std::string folder = path.substr(0, slash);
    struct stat status;
    const Fd parent = open_parent(folder);
    if (!parent || ::fstatat(parent.get(),
                             std::string(file_name(folder)).c_str(),
                             &status,
                             AT_SYMLINK_NOFOLLOW) != 0)
      return std::nullopt;
    if (!S_ISDIR(status.st_mode))
      return folder;
  }
  return std::nullopt;
}

Result<void> UsersFolder::make_folders(
    const std::string& path, const std::function<mode_t(const std::string& path)>& mode_of) const {
  if (path.empty())
    return {};
  if (!git_part(path).empty())
    return fail(in_git_repository(shown(path)));
  if (const auto found = obstacle(path))
    return fail(ErrorCode::conflict,
                "a link or a file has the path of a folder: '{}'",
                shown(*found))
        .with_hint("move it away, or choose another folder");
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string folder = path.substr(0, slash);
    const Fd parent = open_parent(folder);
    if (!parent ||
        (::mkdirat(parent.get(), std::string(file_name(folder)).c_str(), mode_of(folder)) != 0 &&
         errno != EEXIST))
      return fail_errno("cannot make the folder '{}'", shown(folder));
  }
  return {};
}

Result<void> UsersFolder::make_folders(const std::string& path) const {
  return make_folders(path,
                      [](const std::string&) { return mode_under_umask(EntryType::folder, 0); });
}

}  // namespace dstack::files
