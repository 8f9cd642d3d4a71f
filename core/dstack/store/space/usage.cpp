#include "dstack/store/space/usage.hpp"

#include "dstack/store/space/reach.hpp"

#include <unordered_map>
#include <vector>

namespace dstack::store {

namespace {

constexpr RunId several = -1;

/// Which run alone needs a tree or a blob.
struct Owner {
  RunId run = 0;
  std::uint64_t size = 0;
};

class Owners {
 public:
  explicit Owners(TreeGraph& graph) : graph_(graph) {}

  /// Each tree is looked at twice at most: for the first run that needs it, and as one of several.
  Result<void> add(const Digest& root, RunId run) {
    std::vector<std::pair<Digest, RunId>> next = {{root, run}};
    while (!next.empty()) {
      const auto [tree, user] = next.back();
      next.pop_back();
      RunId& owner = trees_.emplace(tree, 0).first->second;
      if (owner == user || owner == several)
        continue;
      owner = owner == 0 ? user : several;
      const RunId now = owner;
      DSTACK_TRY(const auto record, graph_.find(tree));
      if (!record)
        continue;
      for (std::size_t i = 0; i < record->trees(); ++i)
        next.emplace_back(record->tree(i), now);
      for (std::size_t i = 0; i < record->blobs(); ++i)
        add(record->blob(i), now);
    }
    return {};
  }

  void sum(StoreUse& use) const {
    for (const auto& [name, owner] : blobs_) {
      use.all += owner.size;
      if (owner.run != several)
        use.own[owner.run] += owner.size;
    }
  }

 private:
  void add(const BlobUse& blob, RunId run) {
    const auto& [found, is_new] = blobs_.emplace(blob.name, Owner{run, blob.size});
    if (!is_new && found->second.run != run)
      found->second.run = several;
  }

  TreeGraph& graph_;
  std::unordered_map<Digest, RunId> trees_;
  std::unordered_map<std::uint64_t, Owner> blobs_;
};

/// Of all below a tree, each file as often as it occurs.
class Sizes {
 public:
  explicit Sizes(TreeGraph& graph) : graph_(graph) {}

  Result<std::uint64_t> of(const Digest& tree) {
    if (const auto known = known_.find(tree); known != known_.end())
      return known->second;
    DSTACK_TRY(const auto record, graph_.find(tree));
    std::uint64_t size = 0;
    for (std::size_t i = 0; record && i < record->trees(); ++i) {
      DSTACK_TRY(const std::uint64_t below, of(record->tree(i)));
      size += below;
    }
    for (std::size_t i = 0; record && i < record->blobs(); ++i)
      size += record->blob(i).size;
    known_.emplace(tree, size);
    return size;
  }

 private:
  TreeGraph& graph_;
  std::unordered_map<Digest, std::uint64_t> known_;
};

}  // namespace

Result<StoreUse> measure_use(const ObjectStore& objects, Records& records) {
  DSTACK_TRY(const auto needed, records.needed_trees());
  TreeGraph graph(objects);
  Owners owners(graph);
  Sizes sizes(graph);
  StoreUse use;
  for (const NeededTree& tree : needed) {
    DSTACK_CHECK(owners.add(tree.tree, tree.run));
    DSTACK_TRY(const std::uint64_t size, sizes.of(tree.tree));
    use.shared[tree.run] += size;
  }
  owners.sum(use);
  for (auto& [run, size] : use.shared) {
    const std::uint64_t own = use.own[run];
    size -= std::min(size, own);
  }
  append_to_tree_index(objects.home(), graph.take_new());
  return use;
}

}  // namespace dstack::store
