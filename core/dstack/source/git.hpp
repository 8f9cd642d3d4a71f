// Asking Git, the program, about a folder. Never writes to a repository. Internal to source/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/source/git_config.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace dstack::source {

/// The `.git` of the repository that a folder is in: of the folder itself or of one above it on the
/// same file system. Empty when there is none.
Path find_git_entry(const Path& folder);
/// The text of a file of Git's own; empty where there is none. Never blocks: what is no file is an
/// error.
Result<std::string> read_git_file(const Path& path);
/// The folder of Git's files that a `.git` is or, as a file, names.
Result<Path> find_git_folder(const Path& entry);
/// Refuses a `.git` folder in which Git finds no repository: Git would go on to the folders above.
/// A `.git` file is not judged; Git refuses a wrong one itself.
Result<void> check_git_entry(const Path& entry);
/// The error for a `.git` that leads to no repository.
Error broken_git_entry(const Path& entry, std::string_view reason);
/// Where `folder` is in the repository of this `.git`: "" is its root, else "folder/".
std::string prefix_in_repository(const Path& folder, const Path& entry);

/// A call of Git in `folder`, as it is configured there: GitRepository::command() is the way to ask
/// about a repository. Variables that would lead Git to another repository are kept from it,
/// locks are not taken, messages are in English. `variables` are added.
process::Command git_command(const Path& folder,
                             std::vector<std::string> arguments,
                             const std::vector<std::string>& variables = {});

/// Called once, when commands have been silent for long: whether there is a reason to give up.
using WhenWaiting = std::function<Result<void>()>;

/// A command that runs beside the caller, with its outputs.
class Call {
 public:
  /// ErrorCode::not_found when there is no such program.
  static Result<Call> start(process::Command command);

  /// Nobody waits for its answer any more: kills it.
  void abandon();

 private:
  friend Result<std::vector<process::Output>> finish_together(std::vector<Call> calls,
                                                              const WhenWaiting& when_waiting);

  Call(process::Child child, Fd out, Fd err)
      : child_(std::move(child)), out_(std::move(out)), err_(std::move(err)) {}

  process::Child child_;
  Fd out_;
  Fd err_;
  std::string out_text_;
  std::string err_text_;
};

/// Reads what all of them write, to their ends; the outputs are in their order. An error of
/// `when_waiting` ends them.
Result<std::vector<process::Output>> finish_together(std::vector<Call> calls,
                                                     const WhenWaiting& when_waiting = {});

/// Runs several commands at the same time; the outputs are in their order. ErrorCode::not_found
/// when Git is not installed.
Result<std::vector<process::Output>> run_together(const std::vector<process::Command>& commands);
/// One, whose failure is an error with Git's own message.
Result<std::string> git_output(const process::Command& command);

/// The last message of Git on standard error, as one line.
std::string stderr_tail(const process::Output& output);
/// It refuses a repository of another user (safe.directory).
bool is_ownership_refusal(const process::Output& output);

struct BranchFacts {
  std::string commit;  ///< empty before the first one
  std::string branch;  ///< empty when detached
  bool has_changes = false;
  bool is_broken = false;  ///< HEAD names a branch whose commit cannot be read
};

/// From `git status --porcelain=v2 -z --branch`. Untracked files are no changes here.
BranchFacts parse_status(std::string_view text);
/// The URL of the branch's remote, else of origin, else of the first; without what gives access.
std::string find_remote(const std::vector<GitSetting>& settings, const std::string& branch);
/// A URL without user names that are tokens and without passwords.
std::string without_credentials(std::string url);

}  // namespace dstack::source
