// Signals to processes that are not our children.
#pragma once

#include <functional>
#include <string_view>

#include <sys/types.h>

namespace dstack::process {

/// Sends a signal through a pidfd that is opened before `is_still_meant` is asked, so that a number
/// which was used again meanwhile gets none. A stopped process is continued, so that it can act.
void signal_if(pid_t pid, int number, const std::function<bool()>& is_still_meant);

/// Kills every process of this user that has `name=value` in its environment.
void kill_marked(std::string_view name, std::string_view value);

}  // namespace dstack::process
