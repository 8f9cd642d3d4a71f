// Reading a file once while its bytes are hashed and, perhaps, copied. Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"

#include <cstdint>

namespace dstack::store {

struct Streamed {
  Digest digest;
  std::uint64_t size = 0;
};

/// Fills the empty file `to` with the first `size` bytes of `from`, or as many as there are, and
/// hashes exactly what it wrote: shared with the original where the file system can, else copied,
/// hashing on a second thread when it is worth one.
Result<Streamed> copy_hashing(int from, int to, std::uint64_t size);

/// Copies the first `size` bytes of `from` to the empty file `to`: shared, else copied by the
/// kernel, else by hand. The number of bytes copied.
Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t size);

}  // namespace dstack::store
