#include "dstack/files/matches.hpp"

#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/walk.hpp"

#include <algorithm>

#include <fcntl.h>

namespace dstack::files {

namespace {

bool is_there(const Path& path) {
  boost::system::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

std::string joined(const std::string& folder, std::string_view path) {
  return folder.empty() ? std::string(path) : folder + "/" + std::string(path);
}

Result<std::vector<Match>> expand(const Path& folder, const PathPattern& pattern) {
  const std::string& fixed = pattern.fixed_part();
  std::string inside;
  if (!fixed.empty()) {
    if (!is_there(folder / fixed))
      return std::vector<Match>();
    DSTACK_TRY(inside, path_inside(folder, folder / fixed, fixed));
    if (!may_be_saved({fixed, inside}))
      return std::vector<Match>();
  }
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  std::vector<Match> matches;
  const Wanted wanted = [&](const std::string& found, EntryType type) {
    const std::size_t begin = inside.empty() ? 0 : inside.size() + 1;
    std::string path = joined(fixed, std::string_view(found).substr(begin));
    if (is_git_name(file_name(found)))
      return false;
    if (!pattern.matches(path))
      return type == EntryType::folder && pattern.may_match_below(path);
    matches.push_back({std::move(path), found});
    return false;
  };
  DSTACK_CHECK(walk_folder(root.get(), inside, wanted));
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return a.path < b.path;
  });
  return matches;
}

}  // namespace

bool may_be_saved(const Match& match) {
  return git_part(match.path).empty() && git_part(match.inside).empty();
}

Result<std::vector<Match>> find_matches(const Path& folder, const std::string& path) {
  if (path.empty())
    return std::vector<Match>{{}};
  if (is_there(folder / path)) {
    DSTACK_TRY(std::string inside, path_inside(folder, folder / path, path));
    std::vector<Match> found{{path, std::move(inside)}};
    std::erase_if(found, [](const Match& match) { return !may_be_saved(match); });
    return found;
  }
  if (!is_pattern(path))
    return std::vector<Match>();
  return expand(folder, PathPattern(path));
}

}  // namespace dstack::files
