#include "dstack/source/git_pipes.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/files/walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::source {

namespace {

Failure is_no_file(const Path& path) {
  return fail(ErrorCode::unavailable, "'{}' is not a file, and Git waits for it", path.string())
      .with_hint("remove it; 'git status' in that folder would wait as well");
}

bool is_rule_file(std::string_view name) {
  return name == ".gitignore" || name == ".gitattributes" || name == ".gitmodules";
}

/// What is neither a file, a folder nor a link, of those that are looked for.
Result<void> refuse_special(const Path& folder, const files::Wanted& wanted) {
  const auto root = open_file(folder.string(), O_RDONLY | O_DIRECTORY);
  if (!root)
    return {};
  const auto walk = files::walk_folder(root->get(), "", wanted);
  if (walk && !walk->special.empty())
    return is_no_file(folder / walk->special.front());
  return {};
}

}  // namespace

Result<void> refuse_pipes(const std::vector<Path>& files) {
  for (const Path& file : files) {
    struct stat status;
    if (::stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
      return is_no_file(file);
  }
  return {};
}

Result<void> look_for_pipes(const Path& folder, const Path& repository) {
  DSTACK_CHECK(refuse_special(folder, [](const std::string& path, files::EntryType type) {
    return type == files::EntryType::folder ? file_name(path) != ".git"
                                            : is_rule_file(file_name(path));
  }));
  // Beside these there may be sockets of Git's own.
  for (const char* part : {"refs", "objects", "info"})
    DSTACK_CHECK(refuse_special(repository / part, {}));
  return {};
}

}  // namespace dstack::source
