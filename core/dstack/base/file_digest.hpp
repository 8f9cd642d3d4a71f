// The SHA-256 of a file's content, read in pieces.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/sha256.hpp"

namespace dstack {

/// Of what is left to read from descriptor `file`; given up when a stop is asked for
/// (stop_flag.hpp).
Result<Digest> hash_file(int file);

}  // namespace dstack
