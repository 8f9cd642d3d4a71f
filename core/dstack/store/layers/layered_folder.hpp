// A folder in layers, as an overlay shows it: trees of the store, the later over the earlier, and
// over all of them what was written. Read without a mount, when nothing writes to it any more.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/listing.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::store {

struct LayeredFolder {
  std::vector<job::TreeReference> trees;
  Path written;  ///< the overlay's upper folder
  Path seen_at;  ///< where it was mounted
};

/// What is seen of trees, the later over the earlier, by path.
Result<std::vector<files::FoundFile>> list_trees(const std::vector<job::TreeReference>& trees,
                                                 const ObjectStore& objects);

/// All of it. What comes from a tree has its digest, the rest is below `written`.
Result<files::Listing> list(const LayeredFolder& folder, const ObjectStore& objects);

/// As the functions of these names for a folder on disk (files/matches.hpp, objects.hpp); where
/// only what was written can be meant, no tree is read.
Result<std::vector<files::Match>> find_matches(const LayeredFolder& folder,
                                               const ObjectStore& objects,
                                               const std::string& path);
/// Nothing: there is nothing at `path`, nor does anything match it.
Result<std::optional<job::TreeReference>> capture(const LayeredFolder& folder,
                                                  ObjectStore& objects,
                                                  const std::string& path,
                                                  std::vector<std::string>& warnings,
                                                  Originals originals);

/// Files that one of the later trees has in another version than an earlier one: those that are
/// not seen. `first` is the first of the later ones.
Result<std::vector<std::string>> replaced_files(const std::vector<job::TreeReference>& trees,
                                                std::size_t first,
                                                const ObjectStore& objects);

}  // namespace dstack::store
