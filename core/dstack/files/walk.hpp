// Everything below a folder, links as links, without drafts of ours (drafts.hpp). Internal to
// store/, source/ and run/runner.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/entry.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dstack::files {

struct Walk {
  /// Files, links and folders, without the root; each folder before its content.
  std::vector<FoundFile> entries;
  std::vector<std::string> special;  ///< paths of sockets, pipes and devices
};

/// `wanted` is asked for each path before it is looked at; a folder that is not wanted is not
/// entered.
using Wanted = std::function<bool(const std::string& path, EntryType type)>;

/// Below `path` of the folder `root` (empty: all of it). What vanishes meanwhile is left out.
Result<Walk> walk_folder(int root, const std::string& path, const Wanted& wanted = {});

}  // namespace dstack::files
