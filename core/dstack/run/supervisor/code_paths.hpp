// What the code of a run has at a path.
#pragma once

#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <string>

namespace dstack::run {

/// Whether there is a file or a folder at `path`, from the code's root. Also true where the code
/// cannot be read: nothing is to be said about it then.
bool is_in_code(const std::string& path,
                const job::TreeReference& code,
                const store::ObjectStore& objects);

}  // namespace dstack::run
