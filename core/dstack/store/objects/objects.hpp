// The one object store: blobs and trees named by SHA-256. Code snapshots, inputs and outputs are
// all trees here.
//
//   objects/ab/cdef…    a blob: the file's very bytes, mode 0644
//   objects/ab/cdef….x  the same bytes with mode 0755; there only where the x bit occurs
//   packs/abcdef…       a pack: many small blobs and trees that were stored together, which are in
//                       objects and trees then no more (packs.hpp)
//   trees/ab/cdef…      a tree, as text in the grammar below
//   damaged/            what was found to be no object (damage.hpp)
//   trees/ab/cdef….t    modification times of one use of a tree, and which of its files are closed,
//                       named by the hash of that list
//
//   tree  := "dstack-tree 1\n" entry*          entries sorted by name, as bytes
//   entry := type " " digest " " size " " name "\0"
//   type  := "f" file | "x" executable file
//          | "d" folder (digest of its tree) | "l" link (digest of the blob that holds its target)
//   times := "dstack-times 1\n" (nanoseconds since 1970 "\n")*
//            one for each entry, folders before their content; or, where any entry is closed,
//          | "dstack-times 2\n" (nanoseconds since 1970 [" " closed] "\n")*
//   closed := which of the usual permissions (0644, or 0755 of folders and executables) the owner
//            took away, in octal: 44 for a file of mode 0600
//
// A publication is always: written in tmp/, synced, renamed, folder synced; only then may a
// database row name it. A crash at any point leaves garbage, never a dangling row. Safe for any
// number of threads and processes at once.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/listing.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/job/tree_reference.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::store {

struct TreeEntry {
  files::EntryType type = files::EntryType::file;
  Digest digest;
  std::uint64_t size = 0;  ///< bytes of the file or link; of a folder, of all files below it
  std::string name;

  bool operator==(const TreeEntry&) const = default;
};

struct Tree {
  std::vector<TreeEntry> entries;

  bool operator==(const Tree&) const = default;
};

std::string render_tree(const Tree& tree);
Result<Tree> parse_tree(std::string_view text);

/// One file of a tree, with its path from the tree's root.
struct TreeFile {
  std::string path;
  files::EntryType type = files::EntryType::file;
  Digest digest;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::uint32_t closed = 0;   ///< as in files::FileState
};

/// One folder of a tree, likewise.
struct TreeFolder {
  std::string path;
  std::int64_t modified = 0;
  std::uint32_t closed = 0;
};

/// Whether the content of files whose digest is given is in the store.
enum class Known {
  stored,   ///< certainly: a tree that holds it is there
  perhaps,  ///< each is looked for, and read when it is missing
};

/// What becomes of the files that are captured.
enum class Originals {
  stay,  ///< they stay in use: they are copied
  go,    ///< they are ours, about to be removed, and nothing runs any more that could write to
         ///< them: a large one may become the stored object itself
};

enum class LayOut {
  fresh,       ///< the destination is new or empty
  merge,       ///< later files replace earlier ones; folders merge
  where_free,  ///< what is there stays as it is; folders merge
  shared,      ///< as fresh, but nobody writes to it: large files are objects under a second name
};

/// Whose the place is that is written to. What was closed stays closed in both.
enum class Place {
  of_job,   ///< modes are 0644 and 0755, whatever the umask
  of_user,  ///< modes are as the umask says; nothing is written where Git finds a repository
};

/// What was seen of files when they were captured before, so that those that have not changed are
/// not read again.
class FileMemory {
 public:
  virtual ~FileMemory() = default;

  /// Gives entries whose content was stored their digests. Paths are those on disk. The tree that
  /// was remembered, if nothing at all has changed since, nor gone from the store.
  virtual std::optional<job::TreeReference> recall(std::vector<files::FoundFile>& entries) = 0;
  /// Whether that content is still there.
  virtual Known known() const = 0;
  /// After a capture: the same entries as they were read, and the tree that holds all of them.
  virtual void remember(std::vector<files::FoundFile> entries, const job::TreeReference& tree) = 0;
};

class Packs;
class Pins;
enum class Kind;

/// Who uses a store.
enum class Users {
  all_runs,  ///< what no run needs any more is removed from it while others use it
  one_run,   ///< it goes as a whole
};

/// What a capture stores or finds there, and what has_tree() finds, is not removed as long as this
/// object and its copies live: until then the rows must be recorded that need it. What is read,
/// copied or written counts as work of the calling thread (base/progress.hpp).
class ObjectStore {
 public:
  explicit ObjectStore(files::Home home, Users users = Users::all_runs);

  /// A whole folder as it is, each file by reflink or copy, hashed on the way; content that is
  /// there already is not written. Empty folders, links as links, x bits, holes, times, and which
  /// permissions are closed. Sockets, pipes and
  /// devices are left out and named in `warnings`. A file that changes while it is read is read
  /// once more, then taken as it was read, with a warning. Durable when it returns.
  Result<job::TreeReference> capture_folder(const Path& folder, std::vector<std::string>& warnings);
  /// A tree of just these files below `root`, in any order, and the folders that they need, each
  /// with the newest time of what it holds, and as closed as it is. Fills in states and digests;
  /// files that have vanished meanwhile are removed from `files`.
  Result<job::TreeReference> capture_files(const Path& root,
                                           std::vector<files::FoundFile>& files,
                                           Known known,
                                           std::vector<std::string>& warnings);
  /// One tree that holds a single entry at `path` (folders above it made): how an artifact keeps
  /// its path from the project's root. `at` is a file or a folder; it usually ends with `path`, and
  /// the folder before that is then the one which no link on the way may leave
  /// (ErrorCode::unavailable).
  Result<job::TreeReference> capture_at(const Path& at,
                                        const std::string& path,
                                        std::vector<std::string>& warnings,
                                        Originals originals = Originals::stay);

  /// One tree of what an artifact's pattern matches below `root`, each at its path. `memory`: what
  /// is known of the files there; may be null.
  Result<job::TreeReference> capture_matches(const Path& root,
                                             const std::vector<files::Match>& matches,
                                             std::vector<std::string>& warnings,
                                             Originals originals = Originals::stay,
                                             FileMemory* memory = nullptr);
  /// The same of a listing: the content of an entry without a digest is below `root`. Matches may
  /// be empty paths, which mean all of it.
  Result<job::TreeReference> capture_listed(const Path& root,
                                            const files::Listing& listing,
                                            const std::vector<files::Match>& matches,
                                            std::vector<std::string>& warnings,
                                            Originals originals = Originals::stay);

  /// Both check the bytes against the digest (ErrorCode::damaged), as everything does that gives
  /// out content.
  Result<Tree> read_tree(const Digest& tree) const;
  Result<std::string> read_blob(const Digest& blob) const;
  /// For reading. Its size is right, but nothing else is proven: whoever passes its bytes on
  /// compares their digest, and calls prove() when it is another.
  Result<Fd> open_blob(const TreeFile& file) const;
  /// Reads the whole content. damaged: it is not what was saved, or is not there; the next capture
  /// of the same content stores it anew.
  Result<void> prove(const TreeFile& file) const;
  /// Changes whenever an object is found damaged or missing; 0: none ever was. What was concluded
  /// from the store's objects holds as long as this stays the same.
  std::int64_t damage_stamp() const;
  /// Changes it: what was laid out of an object is not what it was.
  void note_damage() const;
  /// Where the blob is if it is a file of its own (packs.hpp), never to be written to.
  Path blob_path(const Digest& blob, bool executable) const;
  /// Whether the root of the tree and its times are there. If they are, they stay as long as this
  /// object and its copies live, with all below that is there now: which is all of it for what a
  /// run on record needs, and for a tree that was whole in this generation.
  bool has_tree(const job::TreeReference& reference) const;
  /// The same, with an error that says so. To be called before a tree of a run is read that may be
  /// removed meanwhile.
  Result<void> hold(const job::TreeReference& reference) const;
  /// Another number after anything was removed from the store; 0: it cannot be told. What was
  /// captured in this generation is still there, as far as has_tree().
  std::uint64_t generation() const;

  /// Every file and link below, sorted by path; with modification times.
  Result<std::vector<TreeFile>> list(const job::TreeReference& reference) const;
  /// The same for all folders, empty ones, too.
  Result<std::vector<TreeFolder>> list_folders(const job::TreeReference& reference) const;
  /// Fills the empty file `target` with the content of a file of a tree: shared where the file
  /// system can, else copied with its holes.
  Result<void> copy_content(const TreeFile& file, int target) const;
  /// Writes the tree below `destination`, which is made if need be, as private files (reflink where
  /// the file system can, else copies), with x bits, holes and times, and as closed as they were: a
  /// folder that is there is closed besides, but never opened. With `merge`, paths of files that
  /// were replaced are added to `replaced`; with `where_free` those that were not written, because
  /// something else is there; and what is not written because it is Git's.
  Result<void> lay_out(const job::TreeReference& reference,
                       const Path& destination,
                       LayOut mode,
                       std::vector<std::string>* replaced = nullptr,
                       Place place = Place::of_job) const;

  const files::Home& home() const { return home_; }

  /// Internal to store/.
  Packs& packs() const { return *packs_; }

 private:
  Result<std::string> read_object(std::initializer_list<Kind> kinds, const Digest& digest) const;
  Result<std::optional<std::string>> read_file_of(Kind kind, const Digest& digest) const;

  files::Home home_;
  std::shared_ptr<Packs> packs_;  ///< of all copies of this object
  std::shared_ptr<Pins> pins_;    ///< likewise; null: nothing is removed
};

}  // namespace dstack::store
