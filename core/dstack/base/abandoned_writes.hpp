// What writers that died have left of write_file_atomically() (file.hpp).
#pragma once

#include "dstack/base/file.hpp"

#include <string_view>

namespace dstack {

/// Whether a file of this name is one that is, or was, being written.
bool is_unfinished_write(std::string_view name);
/// Removes it, and never the file of a living writer, who holds a lock on it.
void remove_abandoned_write(const Path& path);
/// All those in a folder. One that is missing has none.
void remove_abandoned_writes(const Path& folder);

}  // namespace dstack
