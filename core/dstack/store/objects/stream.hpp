// Reading a file once while its bytes are hashed and, perhaps, copied. Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"

#include <cstdint>

namespace dstack::store {

struct Streamed {
  Digest digest;
  std::uint64_t size = 0;
  bool is_original = false;  ///< the file itself was taken; it certainly did not change
};

/// Fills the empty file `to` with the first `size` bytes of `from`, or as many as there are, and
/// hashes exactly what it wrote: shared with the original where the file system can, else copied,
/// hashing on a second thread when it is worth one.
Result<Streamed> copy_hashing(int from, int to, std::uint64_t size);

/// Hashes a whole file, and has what was written to it lately brought to the disk meanwhile, so
/// that the sync that follows has little left to do.
Result<Streamed> hash_writing_back(int file);

/// Copies the first `size` bytes of `from` to the empty file `to`: shared, else copied by the
/// kernel, else by hand. The number of bytes copied.
Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t size);

}  // namespace dstack::store
