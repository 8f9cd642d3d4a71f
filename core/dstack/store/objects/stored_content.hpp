// The bytes of a blob: a file of the store, or a part of a pack. Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/store/objects/packs.hpp"

#include <cstdint>
#include <optional>

namespace dstack::store {

/// For one thread: where it has been read to is part of it.
class StoredContent {
 public:
  /// `store` is the open home.
  static Result<StoredContent> open(
      int store, Packs& packs, files::EntryType type, const Digest& digest, std::uint64_t size);

  /// Fills the empty file `target`: shared where the file system can, else copied with its holes.
  Result<void> copy_to(int target) const;
  bool is_same_as(int file) const;
  /// For reading, at the first byte of the content; in a pack others follow its last.
  Result<Fd> take_file();

  /// The file that has nothing else in it; -1: it is in a pack.
  int own_file() const { return file_.get(); }

 private:
  StoredContent(Fd file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  explicit StoredContent(PackedContent packed)
      : packed_(std::move(packed)), size_(packed_->where.size) {}

  Fd file_;
  std::optional<PackedContent> packed_;  ///< instead
  std::uint64_t size_;
};

}  // namespace dstack::store
