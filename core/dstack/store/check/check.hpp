// Reads a whole object store: whether each object is what its name says, and whether all is there
// that the trees on record need. Knows no run; whoever calls it says which trees are named.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dstack::store {

/// A tree that something on record names.
struct Root {
  std::string run;
  std::string part;  ///< "artifact 'out' of workflow 'train'", "the code"
  std::vector<std::string> tags = {};
  job::TreeReference tree;
};

/// Where damage shows.
struct Use {
  std::size_t root = 0;  ///< of the roots that were given
  std::string path;      ///< from the tree's root; empty: all of it
};

struct Finding {
  Path object;                 ///< where it is, or should be
  std::string problem;         ///< completes its path: "is missing", "has 4 instead of 9 bytes"
  std::vector<Use> uses = {};  ///< the first of them
  std::size_t all_uses = 0;
  bool is_healed = false;  ///< by a repair: it is whole again, or gone and nobody needs it
};

struct Checked {
  std::size_t objects = 0;  ///< files and entries of packs
  std::uint64_t bytes = 0;
  std::vector<Finding> findings;

  bool is_whole() const;
};

enum class Repair { no, yes };

/// The uses of one finding that are listed.
inline constexpr std::size_t most_uses = 10;

/// On all cores; counts as work of the calling thread. With Repair::yes what is damaged is made
/// again from another copy of the same content, in this store or in `others`; else it is moved
/// aside, so that the next capture of that content stores it anew. What nobody names is left to
/// 'dstack gc', unless it is damaged. Other processes may use the store meanwhile.
Result<Checked> check_store(ObjectStore& objects,
                            const std::vector<Root>& roots,
                            const std::vector<ObjectStore>& others,
                            Repair repair);

}  // namespace dstack::store
