// A repository as Git is asked about it: through a folder of our own in place of its `.git`, with
// the repository's index, objects and references, and of its configuration only values that name no
// program. So nothing that came with a folder is run, whatever is asked; what the user's and the
// system's configuration name (Git LFS) is. Internal to source/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/source/git_config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::source {

class GitRepository {
 public:
  /// Of the repository with this `.git`, asked from a folder in it. ErrorCode::unavailable when
  /// `entry` leads to none.
  static Result<GitRepository> open(const Path& folder, const Path& entry);

  /// A call of Git that may only read.
  process::Command command(std::vector<std::string> arguments) const;

  /// Where new objects and the index go, beside what the repository has; for calls that write.
  struct Writing {
    Path work_tree;
    Path index;
    Path objects;
    std::vector<std::string> more_objects;  ///< folders of objects that are only read, too
  };

  /// The same in the work tree of `writing`.
  process::Command command(const Writing& writing, std::vector<std::string> arguments) const;

  /// Of files that all work trees of the repository share.
  const Path& common() const { return common_; }

  Path objects() const { return common_ / "objects"; }

  /// Where the folder is in the work tree: "" is its root, else "folder/".
  const std::string& prefix() const { return prefix_; }

  const std::vector<GitSetting>& settings() const { return settings_; }

  std::size_t digest_size() const;
  /// As it was when the repository was opened, which is what commands read; empty: there is none.
  Result<std::string> read_index() const;

 private:
  GitRepository(Path folder, files::StagingFolder own)
      : folder_(std::move(folder)), own_(std::move(own)) {}

  Result<void> find_folders(const Path& entry);
  Result<void> read_settings();
  Result<void> find_work_tree(const Path& entry);
  Result<std::string> own_settings();
  Result<void> write_own();
  process::Command with_variables(const Path& where,
                                  std::vector<std::string> arguments,
                                  const std::vector<std::string>& variables) const;

  Path folder_;
  files::StagingFolder own_;                   ///< GIT_DIR
  std::optional<files::StagingFolder> large_;  ///< for Git LFS
  Path git_;                                   ///< of Git's files of this work tree
  Path common_;
  Path work_tree_;
  std::string prefix_;
  std::vector<GitSetting> settings_;
  Fd index_;
};

}  // namespace dstack::source
