// The bytes of a blob: a file of the store, or a part of a pack. Nobody gets them unproven: they
// are hashed on the way, and are those of the digest or an error (ErrorCode::damaged), of which the
// store takes note (damage.hpp). Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/store/objects/objects.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dstack::store {

/// For one thread: where it has been read to is part of it.
class StoredContent {
 public:
  /// `store` is the open home of `objects`, which outlives it. Looks at the size; what is in a pack
  /// is proven by now.
  static Result<StoredContent> open(const ObjectStore& objects,
                                    int store,
                                    files::EntryType type,
                                    const Digest& digest,
                                    std::uint64_t size);

  /// Fills the empty file `target`: shared where the file system can, else copied with its holes.
  /// After an error other bytes may be in it.
  Result<void> copy_to(int target) const;
  /// Reads all of it.
  Result<void> prove() const;
  /// For reading, at the first byte of the content, which is all of the file. Not proven.
  Result<Fd> take_file();

  /// The file; -1: it is in a pack.
  int own_file() const { return file_.get(); }

 private:
  StoredContent(const ObjectStore& objects, Kind kind, const Digest& digest, std::uint64_t size)
      : objects_(&objects), kind_(kind), digest_(digest), size_(size) {}

  Result<void> check(const Digest& digest, std::uint64_t size) const;
  Failure fail_damaged(std::string_view how) const;

  const ObjectStore* objects_;
  Kind kind_;
  Digest digest_;
  std::uint64_t size_;
  Fd file_;
  std::string packed_;  ///< instead
};

}  // namespace dstack::store
