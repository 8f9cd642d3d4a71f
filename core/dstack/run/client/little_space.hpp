// A disk that is nearly full: said before a run starts, since nothing of the run is lost yet.
#pragma once

#include "dstack/base/file.hpp"

#include <cstdint>
#include <string>

namespace dstack::run {

/// The sentence where less than a twentieth of the file system and less than 5 GB are left; else
/// empty. Both in bytes.
std::string describe_little_space(const std::string& folder,
                                  std::uint64_t free,
                                  std::uint64_t total);

/// Of the file system that a folder is in; empty where it does not say.
std::string find_little_space(const Path& folder);

}  // namespace dstack::run
