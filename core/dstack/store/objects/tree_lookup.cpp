#include "dstack/store/objects/tree_lookup.hpp"

#include <algorithm>

namespace dstack::store {

Result<bool> TreeLookup::has_file(std::string_view path) {
  for (const job::TreeReference& reference : trees_) {
    DSTACK_TRY(const bool has, has_file(reference.tree, path));
    if (has)
      return true;
  }
  return false;
}

Result<bool> TreeLookup::has_file(Digest tree, std::string_view path) {
  for (;;) {
    DSTACK_TRY(const Tree* folder, read(tree));
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    const auto entry = std::lower_bound(
        folder->entries.begin(),
        folder->entries.end(),
        name,
        [](const TreeEntry& each, std::string_view wanted) { return each.name < wanted; });
    if (entry == folder->entries.end() || entry->name != name)
      return false;
    const bool is_folder = entry->type == files::EntryType::folder;
    if (slash == std::string_view::npos || !is_folder)
      return slash == std::string_view::npos && !is_folder;
    tree = entry->digest;
    path.remove_prefix(slash + 1);
  }
}

Result<const Tree*> TreeLookup::read(const Digest& tree) {
  const auto known = read_.find(tree);
  if (known != read_.end())
    return &known->second;
  DSTACK_TRY(Tree folder, objects_.read_tree(tree));
  return &read_.emplace(tree, std::move(folder)).first->second;
}

}  // namespace dstack::store
