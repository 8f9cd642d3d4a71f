// Killing what a look finds. Internal to process/.
#pragma once

#include <functional>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

/// Kills all that `look` finds, this process excepted, again until it finds none: a process may
/// start another while the list is read.
void kill_all(const std::function<std::vector<pid_t>()>& look);

}  // namespace dstack::process
