// Indexes that are of no use any more.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/store/objects/objects.hpp"

#include <vector>

namespace dstack::source {

/// Files of indexes whose tree has gone from the store: all runs of their project were removed, or
/// no run has that input any more. They are caches, and may be removed at any time.
std::vector<Path> stale_indexes(const store::ObjectStore& objects);

}  // namespace dstack::source
