#include "dstack/store/check/uses.hpp"

namespace dstack::store {

namespace {

using files::EntryType;

// As deep as a path can be.
constexpr std::size_t deepest = 2048;

Kind kind_of(EntryType type) {
  switch (type) {
    case EntryType::folder:
      return Kind::tree;
    case EntryType::executable:
      return Kind::executable;
    default:
      return Kind::blob;
  }
}

}  // namespace

void Uses::add(const std::vector<Root>& roots) {
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const job::TreeReference& tree = roots[i].tree;
    if (tree.tree == Digest{})
      continue;
    if (!inventory_.has(Kind::times, tree.times, std::nullopt))
      note(i, Kind::times, tree.times, 0, "");
    if (!inventory_.has(Kind::tree, tree.tree, std::nullopt))
      note(i, Kind::tree, tree.tree, 0, "");
    else
      note(i, tree.tree, "");
  }
}

const Uses::Folder& Uses::read(const Digest& tree, std::size_t depth) {
  if (const auto known = read_.find(tree); known != read_.end())
    return known->second;
  Folder folder;
  if (const auto text = depth < deepest ? objects_.read_tree(tree) : Result<Tree>(Tree{}))
    for (const TreeEntry& entry : text->entries)
      if (is_lacking(entry, depth))
        folder.lacking.push_back(entry);
  return read_.emplace(tree, std::move(folder)).first->second;
}

bool Uses::is_lacking(const TreeEntry& entry, std::size_t depth) {
  const bool is_folder = entry.type == EntryType::folder;
  const auto size = is_folder ? std::nullopt : std::optional(entry.size);
  bool is_there = inventory_.has(kind_of(entry.type), entry.digest, size);
  if (!is_there && entry.type == EntryType::link)  // read from either
    is_there = inventory_.has(Kind::executable, entry.digest, size);
  return !is_there || (is_folder && !read(entry.digest, depth + 1).lacking.empty());
}

void Uses::note(std::size_t root, const Digest& tree, const std::string& prefix) {
  // A copy: reading may move what is known.
  const std::vector<TreeEntry> lacking = read(tree, 0).lacking;
  for (const TreeEntry& entry : lacking) {
    const Kind kind = kind_of(entry.type);
    if (kind == Kind::tree && inventory_.has(kind, entry.digest, std::nullopt))
      note(root, entry.digest, prefix + entry.name + "/");
    else
      note(root, kind, entry.digest, entry.size, prefix + entry.name);
  }
}

void Uses::note(
    std::size_t root, Kind kind, const Digest& digest, std::uint64_t size, std::string path) {
  Lack& lack = lacks_[{kind, digest}];
  lack.kind = kind;
  lack.digest = digest;
  lack.size = size;
  ++lack.all_uses;
  if (lack.uses.size() < most_uses)
    lack.uses.push_back({root, std::move(path)});
}

}  // namespace dstack::store
