// What was met in the project's folder and is not taken as code, although nobody said so: the user
// is told once. Internal to source/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dstack::source {

/// Paths from the project's root, in any order.
struct LeftOut {
  std::vector<std::string> large;       ///< 'path' (size)
  std::vector<std::string> unreadable;  ///< files and folders
  std::vector<std::string> foreign;     ///< repositories of other users
  std::vector<std::string> broken;      ///< repositories that Git cannot read
  std::vector<std::string> special;     ///< sockets, pipes, devices
};

/// One warning for each kind that there is. `file_limit` is in bytes.
std::vector<std::string> warnings_of(LeftOut left_out, std::uint64_t file_limit);

}  // namespace dstack::source
