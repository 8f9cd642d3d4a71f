// How much of the disk is under a path.
#pragma once

#include "dstack/base/file.hpp"

#include <cstdint>

namespace dstack::store {

/// Bytes of the disk of a file, or of all below a folder; no link is followed. A file that has
/// another name elsewhere is not counted: removing this one frees nothing.
std::uint64_t disk_use(const Path& path);

}  // namespace dstack::store
