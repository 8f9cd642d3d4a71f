// Whose the bytes of the store are.
#pragma once

#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/records.hpp"

#include <cstdint>
#include <map>

namespace dstack::store {

struct StoreUse {
  /// By run: bytes of files that it alone needs, which come back when it is removed.
  std::map<RunId, std::uint64_t> own;
  /// By run: bytes that other runs need as well.
  std::map<RunId, std::uint64_t> shared;
  std::uint64_t all = 0;  ///< of all files that any run needs, each counted once
};

/// Of the content of files, as it was saved. Reads the index of trees, and no object.
Result<StoreUse> measure_use(const ObjectStore& objects, Records& records);

}  // namespace dstack::store
