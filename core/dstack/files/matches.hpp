// What is at the path of an artifact, which may be a pattern.
#pragma once

#include "dstack/base/file.hpp"

#include <string>
#include <vector>

namespace dstack::files {

struct Match {
  std::string path;    ///< from the folder on, as the pattern says
  std::string inside;  ///< where it really is, if links on the way lead elsewhere in the folder
};

/// Whether what is found there may be saved: nothing of a repository of Git's own is
/// (base/git_name.hpp).
bool may_be_saved(const Match& match);

/// What is at `path` below `folder` (of a job that has ended), or else, if it is a pattern, all
/// that it matches, sorted by path: a folder that it matches stands for all that is in it. Empty if
/// there is nothing that may be saved. unavailable when a link on the way leads out of the folder.
Result<std::vector<Match>> find_matches(const Path& folder, const std::string& path);

}  // namespace dstack::files
