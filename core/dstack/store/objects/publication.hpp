// New objects on their way into the store: written in tmp/, then synced, renamed, and their folders
// synced, all of a capture together. What is not published is removed with this object; what a
// killed process leaves in tmp/ is removed by the next. Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/store/objects/damage.hpp"
#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/pins.hpp"
#include "dstack/store/objects/stream.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace dstack::store {

/// add() and add_file() may be called by several threads at once.
class Publication {
 public:
  /// `pins`: null for a store from which nothing is removed.
  Publication(const files::Home& home,
              Packs& packs,
              Pins* pins,
              Originals originals = Originals::stay)
      : home_(home),
        packs_(packs),
        pins_(pins),
        originals_(originals),
        has_damage_(Damage(home).stamp() != 0) {}

  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  ~Publication();

  Originals originals() const { return originals_; }

  /// Before the first add(): that so many small files are to come.
  Result<void> expect(std::size_t small_files);
  /// Does nothing when the object is in the store, or was added before.
  Result<void> add(Kind kind, const Digest& digest, std::string_view bytes);
  /// Takes in the first `size` bytes of an open file: as a copy, or where originals go as it is.
  Result<Streamed> add_file(Kind kind, int file, std::uint64_t size);
  /// Whether the object is in the store, whole. It then counts as one of this publication, whose
  /// names are made durable by publish() if another process has not done that yet; it is pinned.
  bool contains(Kind kind, const Digest& digest, std::uint64_t size);
  /// Durable when it returns. Nothing new costs nothing.
  Result<void> publish();

 private:
  struct Staged {
    Kind kind;
    Digest digest;
    std::string draft;  ///< name in the staging
  };

  Result<void> open_staging_folder();
  Result<Fd> make_draft(Kind kind, std::string& name);
  void stage(Kind kind, const Digest& digest, std::string draft);
  /// True for the first call.
  bool claim(Kind kind, const Digest& digest);
  /// Nothing: it has to be copied.
  Result<std::optional<Streamed>> add_original(Kind kind, int file, std::uint64_t size);
  Result<bool> link_original(Kind kind, int file, const Digest& digest);
  Result<void> add_to_pack(Kind kind, const Digest& digest, std::string_view bytes);
  bool is_packed(const Digest& digest, std::uint64_t size);
  bool is_damaged_in_pack(const Digest& digest) const;
  void await_name(const struct stat& status, const std::string& folder);
  /// Of few blobs it is none: they become files of their own.
  Result<void> finish_pack();
  Result<void> unpack();
  Result<void> write_draft(Kind kind, const Digest& digest, std::string_view bytes);
  Result<void> sync_drafts();
  Result<void> rename_drafts();
  Result<void> rename_draft(const Staged& staged, const std::string& name);
  Result<void> sync_names();
  void note_tree(const Digest& digest, std::string_view text);

  const files::Home& home_;
  Packs& packs_;
  Pins* pins_;
  Originals originals_;
  bool has_damage_;
  std::optional<PackWriter> pack_;
  std::string pack_draft_;
  bool has_new_pack_ = false;
  std::unordered_map<Digest, unsigned> added_;  ///< where there is a pack: bits of their kinds
  Fd root_;
  std::optional<files::StagingFolder> staging_;
  mode_t umask_ = 0;
  std::mutex mutex_;
  std::unordered_set<std::string> claimed_;
  std::vector<Staged> staged_;
  std::string tree_records_;       ///< of new trees, for the index of trees
  std::set<std::string> folders_;  ///< below the home, whose names are new
  std::atomic<std::size_t> drafts_ = 0;
};

/// The umask of this process, which cannot be read without setting it elsewhere than in /proc.
mode_t current_umask();

}  // namespace dstack::store
