// Which objects of the store are reached from some trees. Internal to store/space.
#pragma once

#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/tree_index.hpp"

#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace dstack::store {

/// Reads the index of trees, and trees that are not in it from the store.
class TreeGraph {
 public:
  explicit TreeGraph(const ObjectStore& objects);

  /// Nothing: the store lacks it. An error: it is damaged, so what is below it is not known.
  Result<std::optional<TreeRecord>> find(const Digest& tree);
  /// Those that had to be read, as records.
  std::string take_new();

  const TreeIndex& index() const { return index_; }

 private:
  const ObjectStore& objects_;
  TreeIndex index_;
  std::unordered_map<Digest, std::string> read_;
  std::string new_;
};

/// All that has been reached so far.
class Reach {
 public:
  using Visit = std::function<void(const TreeRecord& tree)>;

  explicit Reach(TreeGraph& graph) : graph_(graph) {}

  /// Calls `visit` for the tree and all below it that were not reached before.
  Result<void> add(const Digest& tree, const Visit& visit);

  bool has(const Digest& tree) const { return reached_.contains(tree); }

 private:
  TreeGraph& graph_;
  std::unordered_set<Digest> reached_;
};

}  // namespace dstack::store
