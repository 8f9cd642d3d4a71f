// What is remembered of a project's last snapshot, so that the next one reads only what has
// changed: (path, inode, size, mtime, ctime) → digest. A cache: it may be lost or damaged at any
// time. Internal to source/.
//
//   "dstack-index 3\n", a repository inode, a root commit, a tree reference, the store's stamp of
//   damage, entries sorted by path, folders that are closed, and the SHA-256 of all that; numbers
//   of 8 bytes in the machine's order, texts with their length before them.
#pragma once

#include "dstack/files/entry.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/source/files.hpp"
#include "dstack/store/objects/objects.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

struct Index {
  KnownRoot root;
  job::TreeReference tree;
  /// With digests. One whose content may have changed since without a trace in its state has the
  /// inode 0.
  std::vector<files::FoundFile> files;
  std::vector<files::ClosedFolder> closed_folders;  ///< sorted by path
  /// ObjectStore::damage_stamp() before the tree was captured.
  std::int64_t damage = 0;
};

/// Whether all that the index's tree consists of is in the store: the tree is, and nothing was
/// found to be missing since.
bool is_stored(const Index& index, const store::ObjectStore& objects);

std::string render_index(const Index& index);
/// Nothing when it is damaged or of another version.
std::optional<Index> parse_index(std::string_view text);

/// The index's file of a project, by the project's path.
Path index_path(const Path& folder, const Path& project);

/// Empty where there is none, or a damaged one.
Index load_index(const Path& path);
/// Gives each file whose state is the index's the digest from there. `files` are sorted by path.
/// True when nothing at all has changed.
bool take_known(const Index& index, std::vector<files::FoundFile>& files);
/// Of files that were looked at `looked_at`. Losing it only costs time at the next snapshot, so
/// that is not reported.
void save_index(const Path& path, Index index, std::int64_t looked_at);
/// Since 1970, by the clock that times files.
std::int64_t nanoseconds_now();

/// Whether a state read at `now` (nanoseconds since 1970) proves that the content is still that of
/// its digest. A file written again within one tick of the file system's clock looks the same; Git
/// calls such an entry racy.
bool is_settled(const files::FileState& state, std::int64_t now);

}  // namespace dstack::source
