// All objects of a store, each read and proven. Internal to store/check.
#pragma once

#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dstack::store {

/// A file of the store, or a whole pack.
struct StoredFile {
  Kind kind = Kind::blob;
  Digest digest;
  std::uint64_t size = 0;
  std::string problem = {};  ///< as in Finding; empty: it is what its name says
};

class Inventory {
 public:
  /// Reads everything.
  static Result<Inventory> take(const ObjectStore& objects);

  const std::vector<StoredFile>& files() const { return files_; }

  /// Entries of packs.
  std::size_t packed() const { return packed_; }

  std::uint64_t bytes() const { return bytes_; }

  /// Entries of packs that are not what the table says.
  const std::vector<Digest>& damaged_in_packs() const { return damaged_in_packs_; }

  /// Whether a reader that asks for it finds it, whole. `size`: of a blob.
  bool has(Kind kind, const Digest& digest, std::optional<std::uint64_t> size) const;

 private:
  Result<void> list_files(const ObjectStore& objects);
  Result<void> prove_files(const ObjectStore& objects);
  Result<void> prove_packs(const ObjectStore& objects);
  void add_sound(const Digest& digest, unsigned bit, std::uint64_t size);

  struct Sound {
    unsigned kinds = 0;  ///< bits
    std::uint64_t size = 0;
  };

  std::vector<StoredFile> files_;
  std::vector<Digest> damaged_in_packs_;
  std::unordered_map<Digest, Sound> sound_;
  std::size_t packed_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace dstack::store
