// What Git says of the files of a repository: which there are, and whether they have changed.
// Internal to source/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

struct Candidate {
  std::string path;  ///< from the project's root; a repository inside ends with a slash
  bool is_tracked = false;
  bool is_submodule = false;  ///< Git has a commit of another repository at this path
};

/// For parse_list(): the tracked files, where the index is not one that parse_git_index() reads.
std::vector<std::string> list_arguments();
/// Of `git ls-files`.
void parse_list(std::string_view text, std::vector<Candidate>& into);

/// For parse_status(), parse_untracked() and unreadable_folders(). What is inside of submodules
/// does not count: Git would start itself there, with the configuration that it finds.
std::vector<std::string> status_arguments();
/// The files that are not tracked and not ignored. Git names them from the root of the repository;
/// `prefix` ("" or "folder/") is where the caller's paths begin in it.
void parse_untracked(std::string_view text,
                     const std::string& prefix,
                     std::vector<Candidate>& into);
/// The folders that Git could not read, from its standard error, which names them the same way.
std::vector<std::string> unreadable_folders(std::string_view err, const std::string& prefix);

/// The first commit of HEAD's history, following first parents.
std::vector<std::string> root_commit_arguments();

}  // namespace dstack::source
