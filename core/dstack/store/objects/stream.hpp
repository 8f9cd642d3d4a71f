// Reading a file once while its bytes are hashed and, perhaps, copied. Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"

#include <cstdint>
#include <string_view>

namespace dstack::store {

struct Streamed {
  Digest digest;
  std::uint64_t size = 0;
  bool is_original = false;  ///< the file itself was taken; it certainly did not change
};

/// As read_some(), from a place in the file on.
Result<std::size_t> read_at(int file, char* buffer, std::size_t size, std::uint64_t place);

/// Whose content is copied.
enum class Original {
  of_others,  ///< may be written to meanwhile: what arrived is hashed, and soon on its way to the
              ///< disk
  of_store,   ///< stays as it is: `to` need not be readable
};

/// Fills the empty file `to` with the first `size` bytes of `from`, or as many as there are, and
/// hashes exactly what it wrote; holes stay holes. Shared with the original where the file system
/// can, else copied, hashing on a second thread when it is worth one.
Result<Streamed> copy_hashing(int from,
                              int to,
                              std::uint64_t size,
                              Original original = Original::of_others);

/// Hashes a whole file.
Result<Streamed> hash_whole(int file);

/// Hashes a whole file, and has what was written to it lately brought to the disk meanwhile, so
/// that the sync that follows has little left to do.
Result<Streamed> hash_writing_back(int file);

/// Copies the first `size` bytes of `from` to the empty file `to`: shared, else copied by the
/// kernel, else by hand; holes stay holes. The number of bytes copied.
Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t size);

/// Fills an empty file. Blocks of zeros become holes: in what was read into memory they may have
/// been some.
Result<void> write_with_holes(int file, std::string_view bytes);

}  // namespace dstack::store
