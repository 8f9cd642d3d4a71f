// Environments and tools that no job has used for a while.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace dstack::python {

/// Beside the folder of an environment or a tool: says by its time when it was last used.
Path lock_of(const Path& folder);
/// Notes that it is used now.
void note_use(const Path& folder);

struct UnusedFolder {
  Path folder;
  std::vector<Path> with;  ///< what belongs to it and is beside it
};

/// Those that were not used for so long, and of which no process of this machine has the path in
/// its command line or its environment variables.
std::vector<UnusedFolder> unused_environments(const files::Home& home, std::chrono::hours age);
std::vector<UnusedFolder> unused_tools(const files::Home& home, std::chrono::hours age);

/// Unless somebody is making it.
Result<void> remove_unused(const UnusedFolder& unused);

}  // namespace dstack::python
