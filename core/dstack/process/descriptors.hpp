// Which processes have something open that the kernel names by a number: a pipe, a socket.
#pragma once

#include <string_view>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

/// Whether a process has it open; false also where its descriptors may not be looked at. `named`:
/// what /proc/PID/fd shows, "pipe:[17]" or "socket:[17]".
bool has_open(pid_t process, std::string_view named);

/// All that may be looked at and have it open.
std::vector<pid_t> with_open(std::string_view named);

}  // namespace dstack::process
