// From files on disk to a tree in the store, in three steps: their contents, the tree, the
// publication. Internal to store/.
#pragma once

#include "dstack/files/entry.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/publication.hpp"

#include <string>
#include <vector>

namespace dstack::store {

/// Reads every entry below the folder `root` whose digest is not known and adds its content. Those
/// that have vanished keep no digest.
Result<void> read_contents(int root,
                           std::vector<files::FoundFile>& entries,
                           Publication& publication,
                           std::vector<std::string>& warnings);

/// Removes files that have no digest.
void drop_vanished(std::vector<files::FoundFile>& entries);

/// Adds the trees and times of these entries, whose digests are known. Folders that are not among
/// them are made, with the newest time of what they hold, and as closed as `folders` says. An entry
/// below what is not a folder is left out.
Result<job::TreeReference> build_tree(std::vector<files::FoundFile>& entries,
                                      Publication& publication,
                                      const std::vector<files::ClosedFolder>& folders = {});

}  // namespace dstack::store
