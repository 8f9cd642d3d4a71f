// What the trees on record need, and where in them something is missing. Internal to store/check.
#pragma once

#include "dstack/store/check/check.hpp"
#include "dstack/store/check/inventory.hpp"

#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace dstack::store {

/// An object that is needed and not there, whole.
struct Lack {
  Kind kind = Kind::blob;
  Digest digest;
  std::uint64_t size = 0;  ///< of a blob
  std::vector<Use> uses = {};
  std::size_t all_uses = 0;
};

/// Reads each tree once, and those with a lack again for each root.
class Uses {
 public:
  Uses(const ObjectStore& objects, const Inventory& inventory)
      : objects_(objects), inventory_(inventory) {}

  void add(const std::vector<Root>& roots);

  const std::map<std::pair<Kind, Digest>, Lack>& lacks() const { return lacks_; }

 private:
  struct Folder {
    std::vector<TreeEntry> lacking;  ///< its entries that lack something, with what is below them
    std::size_t entries = 0;         ///< all of them, and those below
  };

  const Folder& read(const Digest& tree, std::size_t depth);
  bool is_lacking(const TreeEntry& entry, std::size_t depth);
  void note(std::size_t root, const Digest& tree, const std::string& prefix);
  void note(
      std::size_t root, Kind kind, const Digest& digest, std::uint64_t size, std::string path);

  const ObjectStore& objects_;
  const Inventory& inventory_;
  std::unordered_map<Digest, Folder> read_;
  std::map<std::pair<Kind, Digest>, Lack> lacks_;
};

}  // namespace dstack::store
