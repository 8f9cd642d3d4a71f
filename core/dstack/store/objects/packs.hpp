// Packs: files of the store that hold many small blobs and trees each, so that saving 50,000 small
// files makes and syncs one file. Internal to store/.
//
//   packs/cdef…   a pack, named by the SHA-256 of its table, mode 0644
//   packs/index   where the blobs of many packs are: a cache, which is made anew when it is
//   missing,
//                 damaged, or names a pack that has gone
//
//   pack    := "dstack-pack 1\n" content* table count
//   content := digest bytes
//   table   := (digest place size)*       sorted by digest; `place`: where the bytes begin
//   count   := entries of the table
//   index   := "dstack-pack-index 1\n" count name* count (digest place size number)*
//                                         `number`: of the pack's name; sorted by digest
//
// Digests and names have 32 bytes, numbers 8 in the machine's order. A pack does not say which of
// its blobs are executable: the trees do. A content that nobody needs any more is erased with the
// digest before it: its bytes become zeros, and the space is given back; the table stays as it is.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/sha256.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::store {

/// In bytes. A larger blob is a file of its own, which can be linked and shared.
inline constexpr std::uint64_t largest_packed = (64 << 10) - 1;
/// Fewer new blobs are not worth a pack.
inline constexpr std::size_t fewest_packed = 512;

/// Where a blob is in its pack.
struct Packed {
  Digest digest;
  std::uint64_t place = 0;
  std::uint64_t size = 0;
};

/// Fills an empty file. add() may be called by several threads at once.
class PackWriter {
 public:
  explicit PackWriter(Fd file);

  /// Each digest once, and at most largest_packed bytes.
  Result<void> add(const Digest& digest, std::string_view bytes);

  std::size_t count() const { return entries_.size(); }

  /// Writes the table. The name of the pack.
  Result<Digest> finish();
  /// Instead: calls `take` for each blob.
  Result<void> unpack(
      const std::function<Result<void>(const Digest& digest, std::string_view bytes)>& take);

 private:
  Result<void> flush();

  Fd file_;
  std::mutex mutex_;
  std::vector<Packed> entries_;
  std::string unwritten_;
  std::uint64_t written_ = 0;  ///< bytes of the file
};

/// A blob in a pack, which is open as long as this lives.
struct PackedContent {
  std::shared_ptr<const Fd> pack;
  Digest name;  ///< of the pack
  Packed where;

  /// Its bytes, at most largest_packed, into `buffer`. damaged: they are not there.
  Result<void> read(char* buffer) const;
  /// Whether it has not been erased since.
  bool is_there() const;
  /// Nor the pack removed.
  bool is_kept() const;
};

/// All packs of a store. Nothing is read before the first call. For any number of threads, and of
/// processes that add packs meanwhile.
class Packs {
 public:
  explicit Packs(Path folder);
  ~Packs();

  enum class Newest {
    not_needed,  ///< what was added after the last refresh() may be missed
    needed,
  };
  /// Nothing: no pack has it.
  Result<std::optional<PackedContent>> find(const Digest& digest, Newest newest);
  /// The bytes of one that is expected to be there, proven. Nothing: no pack has it. damaged: each
  /// has other bytes.
  Result<std::optional<std::string>> read(const Digest& digest);
  /// Of the packs that are there; sorted.
  std::vector<Digest> names() const;

  struct Table {
    std::shared_ptr<const Fd> file;
    std::vector<Packed> entries;
  };

  /// What a pack says that it has, and that was not erased. damaged: it is cut off, or its table is
  /// not the one of its name.
  Result<Table> open_table(const Digest& name);
  /// Has the next find() see what is there now.
  void refresh();
  /// To be called after a pack was added: makes the index anew where too many packs are not in it.
  /// Without it all is found as well, more slowly; so what fails here is not reported.
  void keep_index();

  /// All entries of a pack, erased ones too; nothing: it is damaged, or not there.
  std::optional<std::vector<Packed>> entries(const Digest& name) const;
  /// Erases contents of a pack, given in any order; the space comes back where the file system can
  /// give it.
  Result<void> erase(const Digest& name, std::vector<Packed> contents);
  /// Whether every content of it has been erased.
  bool is_erased(const Digest& name) const;
  bool is_erased(const Digest& name, const Packed& content);
  Result<void> remove(const Digest& name);

  const Path& folder() const { return folder_; }

 private:
  struct Snapshot;
  std::shared_ptr<const Snapshot> snapshot(const Snapshot* after);
  bool drop_index();
  bool is_beside_index(const Digest& digest) const;
  Result<std::shared_ptr<const Fd>> open_pack(const Digest& name);
  Result<std::optional<PackedContent>> open(const Digest* name, const char* entry);

  const Path folder_;
  std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::pair<Digest, std::shared_ptr<const Fd>>> open_;  ///< those used last
};

}  // namespace dstack::store
