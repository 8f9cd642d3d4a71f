// What this process has adopted: processes that a child of its own started and left, because it
// ended or was killed. For a process that adopts orphans (PR_SET_CHILD_SUBREAPER).
#pragma once

#include <vector>

#include <sys/types.h>

namespace dstack::process {

/// The children of a process, those that have ended and are not reaped included.
std::vector<pid_t> children(pid_t pid);
/// The children of this process that it has not started with spawn(), those that are not reaped
/// included. For any thread.
std::vector<pid_t> adopted_children();
/// Kills them, with all that they have started, and reaps them.
void kill_adopted();

}  // namespace dstack::process
