// What a project's code is: the files that Git would show, or every file of a folder without Git
// that its .gitignore files do not name, captured into the store (spec, section 7). Git is asked
// only which files there are, the remote, the branch, the commit and the diff.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/source/outside_link.hpp"
#include "dstack/store/objects/objects.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

/// Whether a folder that is no repository and is the user's home, or large, may become code as a
/// whole.
enum class LargeFolder { refused, taken };

struct SnapshotOptions {
  /// Paths that workflows of the project declare as artifacts: not code unless Git tracks them.
  /// Normal, from the project's root; also patterns.
  std::vector<std::string> artifacts;
  std::uint64_t file_limit =
      100'000'000;  ///< bytes; larger untracked files are named and left out (with Git only)
  LargeFolder large_folder = LargeFolder::refused;
};

/// How much something is.
struct Amount {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

struct Snapshot {
  job::TreeReference tree;
  job::GitFacts git;
  std::vector<std::string> files;       ///< every path in the tree, sorted
  Amount amount = {};                   ///< as listed, before anything is read
  std::vector<std::string> warnings;    ///< what was left out, what changed while it was read
  std::vector<std::string> notes = {};  ///< what is worth knowing, and may be as it should
  std::vector<OutsideLink> outside_links = {};  ///< of these files, sorted

  bool contains(std::string_view path) const;        ///< a file of exactly this path
  bool contains_below(std::string_view path) const;  ///< a file, or a folder with files
};

/// Why a file that is in the folder `project` is not in its snapshot, and what to do. `base`: the
/// folder below it where the paths that people write begin; mostly empty.
std::string explain_left_out(const Path& project,
                             const std::string& path,
                             const std::string& base = {});

/// What Git was asked about a project's code, while other things are done. Internal to source/.
class GitInquiry;

/// Starts to ask, for Listing::make() or preview_snapshot() of the same project. Null where there
/// is nothing to ask, or asking fails, which they then say.
std::shared_ptr<GitInquiry> ask_early(const Path& project);

/// A snapshot in two steps: which files there are and what Git says, which reads none of them; then
/// their contents, once it is certain that they are wanted.
class Listing {
 public:
  /// GitFacts are filled in whole; a root commit that is not in the project's index is looked for
  /// once, which takes as long as the history is.
  static Result<Listing> make(const Path& project,
                              const files::Home& home,
                              const SnapshotOptions& options,
                              std::shared_ptr<GitInquiry> asked = nullptr);
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

/// What recognises a project that was moved: root commit and remote, and where it is in its
/// repository. Empty without a repository or a commit. Takes as long as the history is.
struct Identity {
  job::GitFacts git;
  std::string prefix;  ///< "" for the repository's root, else "folder/"
};

Identity find_identity(const Path& project);

/// Whether a folder of the project's repository, from its root, is one that only other branches
/// than HEAD have ever had: nobody moved it, but another branch was checked out.
bool is_of_other_branch(const Path& project, const std::string& folder);

/// Stores nothing and hashes nothing: which files there are. For plans that change nothing.
Result<Snapshot> preview_snapshot(const Path& project,
                                  const SnapshotOptions& options,
                                  std::shared_ptr<GitInquiry> asked = nullptr);

/// The difference between a stored snapshot and the commit it was taken at, as `git diff` writes
/// it, binary files included, with paths from the project's root. `project` must still have that
/// commit; nothing is written there. Files of submodules are compared one by one; `notes` says
/// which are not.
Result<std::string> diff_against_commit(const Path& project,
                                        const job::CodeRecord& code,
                                        const store::ObjectStore& objects,
                                        std::vector<std::string>& notes);

}  // namespace dstack::source
