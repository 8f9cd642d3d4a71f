// A tree of the store with its times, entry by entry. Internal to store/.
#pragma once

#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dstack::store {

/// Calls `visit` for each entry, folders before their content, with its path.
Result<void> for_each_entry(
    const ObjectStore& objects,
    const job::TreeReference& reference,
    const std::function<
        void(std::string path, const TreeEntry& entry, const Attributes& attributes)>& visit);

/// What makes a tree of another one, the base, when an overlay shows it over the base.
struct TreeDifference {
  struct Entry {
    std::string path;
    std::optional<TreeEntry> entry;  ///< nothing: the base has it, the tree has not
    Attributes attributes;
  };

  /// Those that differ, with the folders on the way to them; folders before their content.
  std::vector<Entry> entries;
  /// Over other folders than the base alone it would hide what a tree shows of them.
  bool hides = false;
};

/// Nothing: more than `most` entries differ.
Result<std::optional<TreeDifference>> find_difference(const ObjectStore& objects,
                                                      const job::TreeReference& tree,
                                                      const job::TreeReference& base,
                                                      std::size_t most);

/// Writes it as an overlay's layer into a folder that is new: large files as with LayOut::shared,
/// and what is to be hidden as overlay/written.hpp has it.
Result<void> lay_out(const ObjectStore& objects,
                     const TreeDifference& difference,
                     const Path& destination);

}  // namespace dstack::store
