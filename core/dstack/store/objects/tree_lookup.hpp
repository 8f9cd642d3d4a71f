// Looking for single paths in large trees, of which only the folders on the way are read.
#pragma once

#include "dstack/base/sha256.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <map>
#include <string_view>
#include <vector>

namespace dstack::store {

/// What has been read once is kept. Both arguments must outlive it. For one thread.
class TreeLookup {
 public:
  TreeLookup(const ObjectStore& objects, const std::vector<job::TreeReference>& trees)
      : objects_(objects), trees_(trees) {}

  /// Whether one of the trees has a file or a link at `path`, from its root.
  Result<bool> has_file(std::string_view path);

 private:
  Result<bool> has_file(Digest tree, std::string_view path);
  Result<const Tree*> read(const Digest& tree);

  const ObjectStore& objects_;
  const std::vector<job::TreeReference>& trees_;
  std::map<Digest, Tree> read_;
};

}  // namespace dstack::store
