// What a project's code is: the files that Git would show, or every file of a folder without Git,
// captured into the store (spec, section 7). Git is asked only which files there are, the remote,
// the branch, the commit and the diff.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

struct SnapshotOptions {
  /// Paths that workflows of the project declare as artifacts: not code unless Git tracks them.
  /// Normal, from the project's root; also patterns.
  std::vector<std::string> artifacts;
  std::uint64_t file_limit =
      100'000'000;  ///< bytes; larger untracked files are named and left out (with Git only)
};

struct Snapshot {
  job::TreeReference tree;
  job::GitFacts git;
  std::vector<std::string> files;     ///< every path in the tree, sorted
  std::vector<std::string> warnings;  ///< what was left out, what changed while it was read

  bool contains(std::string_view path) const;        ///< a file of exactly this path
  bool contains_below(std::string_view path) const;  ///< a file, or a folder with files
};

/// The hint for a file that is in the folder but not in its snapshot.
std::string explain_left_out(const std::string& path);

/// A snapshot in two steps: which files there are and what Git says, which reads none of them; then
/// their contents, once it is certain that they are wanted.
class Listing {
 public:
  /// GitFacts are filled in whole; a root commit that is not in the project's index is looked for
  /// once, which takes as long as the history is.
  static Result<Listing> make(const Path& project,
                              const files::Home& home,
                              const SnapshotOptions& options);
  Listing(Listing&&) noexcept;
  ~Listing();

  /// The snapshot without its tree.
  const Snapshot& code() const;
  /// Takes the snapshot into the store: of a file that has changed since the listing, what it is
  /// now. Only files whose (path, inode, size, mtime, ctime) is not in the project's index are
  /// read.
  Result<Snapshot> capture(store::ObjectStore& objects) &&;

 private:
  struct State;
  explicit Listing(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The first commit of HEAD's history, following first parents; empty where there is none.
std::string root_commit(const Path& project);

/// Stores nothing and hashes nothing: which files there are. For plans that change nothing.
Result<Snapshot> preview_snapshot(const Path& project, const SnapshotOptions& options);

/// The difference between a stored snapshot and the commit it was taken at, as `git diff` writes
/// it, binary files included, with paths from the project's root. `project` must still have that
/// commit; nothing is written there.
Result<std::string> diff_against_commit(const Path& project,
                                        const job::CodeRecord& code,
                                        const store::ObjectStore& objects);

}  // namespace dstack::source
