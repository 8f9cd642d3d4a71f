// What is about to be removed from the store. Internal to store/space.
#pragma once

#include "dstack/base/sha256.hpp"
#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/tree_index.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace dstack::store {

/// An object: a file, or, when a pack has it, a part of that.
struct DoomedObject {
  Kind kind = Kind::blob;  ///< pack: a blob or tree in one
  Digest digest;
  Digest pack = {};
  Packed where = {};
  bool is_kept = false;
};

/// In the order in which they are to be removed. Once sealed, some are taken out of it again.
class Doomed {
 public:
  void add(DoomedObject object) { objects_.push_back(std::move(object)); }

  /// Sorts what keep() looks for. No more add() afterwards.
  void seal();

  /// Whatever has this digest stays.
  void keep(const Digest& digest);
  /// A tree, and the blobs that it names: their files alone, not one with another mode.
  void keep(const TreeRecord& tree);

  const std::vector<DoomedObject>& objects() const { return objects_; }

  bool empty() const { return objects_.empty(); }

 private:
  template <typename Matches>
  void keep_where(std::uint64_t name, const Matches& matches);

  std::vector<DoomedObject> objects_;
  std::vector<std::pair<std::uint64_t, std::size_t>> by_name_;  ///< short, without the mode
  std::vector<bool> filter_;  ///< whether any has a name that begins so
};

}  // namespace dstack::store
