// What each tree names, without opening thousands of trees: a cache beside the store, which may be
// lost or damaged at any time. Whoever stores trees appends to it; whoever asks for a tree that is
// not in it reads the tree itself.
//
//   index/trees := record*
//   record := "dstktree" sum trees blobs digest digest{trees} (name size){blobs}
//
// All are words of 8 bytes in the machine's order, digests are four of them; `sum` is a checksum of
// what follows it in the record. What comes after a damaged record is not read. Internal to store/.
#pragma once

#include "dstack/base/mapped_file.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/files/home.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::store {

/// A file of the store that holds a blob, short: the first 63 bits of its digest, and whether it is
/// the executable one. Two may have the same, so it only ever says what stays.
std::uint64_t short_name(const Digest& digest, bool executable);

struct BlobUse {
  std::uint64_t name = 0;  ///< as above
  std::uint64_t size = 0;  ///< bytes
};

/// The record of a tree, whose text this is; empty if it is not that of a tree.
std::string render_tree_record(const Digest& tree, std::string_view text);

/// One record, of which nothing is copied.
class TreeRecord {
 public:
  explicit TreeRecord(const char* words) : words_(words) {}

  Digest digest() const { return digest_at(header); }

  std::size_t trees() const { return static_cast<std::size_t>(word(2)); }

  std::size_t blobs() const { return static_cast<std::size_t>(word(3)); }

  Digest tree(std::size_t index) const { return digest_at(header + digest_words * (1 + index)); }

  BlobUse blob(std::size_t index) const {
    const std::size_t at = header + digest_words * (1 + trees()) + 2 * index;
    return {word(at), word(at + 1)};
  }

  std::string_view bytes() const { return {words_, size()}; }

  std::size_t size() const { return 8 * (header + digest_words * (1 + trees()) + 2 * blobs()); }

 private:
  static constexpr std::size_t header = 4;
  static constexpr std::size_t digest_words = 4;

  std::uint64_t word(std::size_t index) const {
    std::uint64_t value = 0;
    std::memcpy(&value, words_ + 8 * index, sizeof value);
    return value;
  }

  Digest digest_at(std::size_t index) const {
    Digest digest;
    std::memcpy(digest.bytes.data(), words_ + 8 * index, digest.bytes.size());
    return digest;
  }

  const char* words_;
};

/// What fails is not reported: then more trees have to be read later.
void append_to_tree_index(const files::Home& home, std::string_view records);
/// In place of all that is there.
Result<void> write_tree_index(const files::Home& home, std::string_view records);

class TreeIndex {
 public:
  static TreeIndex load(const files::Home& home);

  /// Nothing: it is not in it.
  std::optional<TreeRecord> find(const Digest& tree) const;

  std::size_t bytes() const { return bytes_; }

 private:
  void add(const char* record);
  void widen();

  std::optional<MappedFile> file_;
  std::vector<const char*> slots_;  ///< a hash table, half empty; its size is a power of two
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace dstack::store
