// Processes by a pipe that they have open: they can change their names and their environment, but
// what they write to stays the same.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

/// All that may be looked at and have this pipe open: the inode that fstat(2) gives it.
std::vector<pid_t> with_pipe(std::uint64_t inode);
/// Kills them, this process excepted, until there are none.
void kill_users_of_pipe(std::uint64_t inode);

}  // namespace dstack::process
