// What writers that died have left of write_file_atomically() (file.hpp).
#pragma once

#include "dstack/base/file.hpp"

namespace dstack {

/// Removes it in this folder, and never the file of a living writer, who holds a lock on it. A
/// folder that is missing has none.
void remove_abandoned_writes(const Path& folder);

}  // namespace dstack
