// Folders of runs that are not on record any more.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/store/records/records.hpp"

#include <vector>

namespace dstack::run {

/// Never that of a run which is being submitted, or that somebody else has locked.
Result<std::vector<Path>> orphaned_folders(const files::Home& home, store::Records& records);
/// Unless it is one no more.
Result<void> remove_orphaned(const files::Home& home, store::Records& records, const Path& folder);

}  // namespace dstack::run
