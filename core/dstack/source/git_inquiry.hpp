// What Git says of a folder's code: one call of Git, which runs beside the caller. Internal to
// source/.
#pragma once

#include "dstack/source/git.hpp"
#include "dstack/source/git_list.hpp"
#include "dstack/source/git_repository.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dstack::source {

struct GitAnswer {
  bool is_refused = false;  ///< Git does not take repositories of this owner; nothing else is set
  std::vector<Candidate> files;         ///< paths from the folder
  std::vector<std::string> unreadable;  ///< folders that Git could not read, from there
  bool is_ignored = false;              ///< the folder as a whole, by a repository that it is in
  BranchFacts branch;
  std::string remote;
  std::string root_commit;  ///< if it was asked for
};

enum class RootCommit { unwanted, wanted };

class GitInquiry {
 public:
  /// Starts asking. `entry` is the `.git` of the repository that the folder is in.
  /// ErrorCode::not_found when Git is not installed; other errors say what is wrong with the
  /// repository.
  static Result<GitInquiry> start(const Path& folder, const Path& entry);
  GitInquiry(GitInquiry&& other) noexcept;
  ~GitInquiry();  ///< ends what it has started

  /// Whether it is about this folder, and its answer was not taken yet.
  bool waits_for(const Path& folder) const { return folder_ == folder && !is_finished_; }

  /// Waits for the answer; nothing of what asking took is left then. Looking for the root commit
  /// takes as long as the history is. Call once.
  Result<GitAnswer> finish(RootCommit root);

 private:
  GitInquiry(Path folder, Path entry) : folder_(std::move(folder)), entry_(std::move(entry)) {}

  Result<GitAnswer> take_answer(RootCommit root);
  Result<void> list_tracked(GitAnswer& answer) const;
  Result<void> take_status(const process::Output& output, GitAnswer& answer) const;

  Path folder_;
  Path entry_;
  std::optional<GitRepository> repository_;  ///< none: Git refuses it
  std::optional<Call> status_;
  bool is_finished_ = false;
};

}  // namespace dstack::source
