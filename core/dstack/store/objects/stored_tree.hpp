// A tree of the store with its times, entry by entry. Internal to store/.
#pragma once

#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <functional>
#include <string>

namespace dstack::store {

/// Calls `visit` for each entry, folders before their content, with its path and time.
Result<void> for_each_entry(
    const ObjectStore& objects,
    const job::TreeReference& reference,
    const std::function<void(std::string path, const TreeEntry& entry, std::int64_t modified)>&
        visit);

}  // namespace dstack::store
