// The files of a folder that Git does not list: all, but for what rules leave out. Internal to
// source/.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/source/exclusions.hpp"
#include "dstack/source/files.hpp"
#include "dstack/source/left_out.hpp"
#include "dstack/source/snapshot.hpp"

namespace dstack::source {

struct PlainFolder {
  int root = -1;  ///< an open descriptor of the project's folder
  const Path& project;
  Path git_entry;  ///< of the repository that it is in although Git does not list it; or none
  LargeFolder large = LargeFolder::refused;
};

/// Adds files and what was left out. Refuses the user's home, the root of the file system and a
/// large folder that is no repository, unless it has a .dstackignore or `large` takes them.
Result<void> find_plain_files(const PlainFolder& folder,
                              Exclusions& exclusions,
                              CodeFiles& code,
                              LeftOut& left_out);

}  // namespace dstack::source
