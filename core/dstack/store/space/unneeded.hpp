// Takes out of the store what no run needs any more (Records::needed_trees()), while others use it:
// nothing goes that a run on record needs, nor what a process has pinned (objects.hpp).
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/records.hpp"

#include <cstdint>

namespace dstack::store {

struct Removed {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of the disk, as far as nothing else has the same file
};

/// What was needed by runs that were removed (Records::removed_trees()), and their layers. Costs
/// what these hold, and a look at what all others do. While another process removes something, it
/// waits, or does nothing.
Result<Removed> free_removed(const ObjectStore& objects, Records& records, Wait wait = Wait::yes);

enum class Effect { look, remove };

/// Everything that is not needed, whoever left it. `look`: only counts it. Waits for another
/// process that does the same. Counts objects as work (base/progress.hpp).
Result<Removed> free_unneeded(const ObjectStore& objects, Records& records, Effect effect);

}  // namespace dstack::store
