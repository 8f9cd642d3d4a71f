#include "dstack/store/space/reach.hpp"

#include "dstack/store/objects/damage.hpp"
#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <sys/stat.h>

namespace dstack::store {

namespace {

bool is_there(const ObjectStore& objects, const Digest& tree) {
  struct stat status;
  if (::lstat((objects.home().root / object_name(Kind::tree, tree)).c_str(), &status) == 0)
    return true;
  const auto packed = objects.packs().find(tree, Packs::Newest::needed);
  return !packed || *packed;
}

}  // namespace

TreeGraph::TreeGraph(const ObjectStore& objects)
    : objects_(objects), index_(TreeIndex::load(objects.home())) {}

Result<std::optional<TreeRecord>> TreeGraph::find(const Digest& tree) {
  if (const auto known = index_.find(tree))
    return known;
  if (const auto known = read_.find(tree); known != read_.end())
    return TreeRecord(known->second.data());
  const auto content = objects_.read_tree(tree);
  // One that was found damaged may be made whole again: what is below it stays until then.
  if (!content && !is_there(objects_, tree) && !Damage(objects_.home()).is_aside(Kind::tree, tree))
    return std::nullopt;
  if (!content)
    return Failure(content.error());
  const auto& [place, is_new] =
      read_.emplace(tree, render_tree_record(tree, render_tree(*content)));
  new_ += place->second;
  return TreeRecord(place->second.data());
}

std::string TreeGraph::take_new() {
  return std::exchange(new_, {});
}

Result<void> Reach::add(const Digest& tree, const Visit& visit) {
  std::vector<Digest> next = {tree};
  while (!next.empty()) {
    const Digest digest = next.back();
    next.pop_back();
    if (reached_.contains(digest))
      continue;
    DSTACK_TRY(const auto record, graph_.find(digest));
    reached_.insert(digest);
    if (!record)
      continue;
    visit(*record);
    for (std::size_t i = 0; i < record->trees(); ++i)
      next.push_back(record->tree(i));
  }
  return {};
}

}  // namespace dstack::store
