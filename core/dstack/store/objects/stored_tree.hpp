// A tree of the store with its times, entry by entry. Internal to store/.
#pragma once

#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <functional>
#include <string>

namespace dstack::store {

/// Calls `visit` for each entry, folders before their content, with its path.
Result<void> for_each_entry(
    const ObjectStore& objects,
    const job::TreeReference& reference,
    const std::function<
        void(std::string path, const TreeEntry& entry, const Attributes& attributes)>& visit);

}  // namespace dstack::store
