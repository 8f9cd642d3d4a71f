// What Git says of the files of a repository: which there are, and whether they have changed.
// Internal to source/.
#pragma once

#include "dstack/process/spawn.hpp"
#include "dstack/source/git.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

struct Candidate {
  std::string path;  ///< from the project's root; a repository inside ends with a slash
  bool is_tracked = false;
  bool is_submodule = false;  ///< Git has a commit of another repository at this path
};

process::Command list_command(const Path& folder);
/// From the output of list_command(); `prefix` comes before each path.
void parse_list(std::string_view text, const std::string& prefix, std::vector<Candidate>& into);
/// The folders that Git could not read, from its standard error. It names them from the root of the
/// repository; `prefix` ("" or "folder/") is where the caller's paths begin in it.
std::vector<std::string> unreadable_folders(std::string_view err, const std::string& prefix);

/// Whether programs that the repository itself names may run: its filters, and what fetches missing
/// objects. A folder that is only looked at may have come from anywhere.
enum class Programs { allowed, refused };

/// For parse_status(). What is inside of submodules does not count: Git would start itself there,
/// with the configuration that it finds. Asks Git for the filters first where they are refused.
process::Command status_command(const Path& folder, Programs programs = Programs::allowed);
/// Settings that turn off the filters of a repository's own configuration, from `git config -z
/// --show-scope --get-regexp`. Those of Git LFS stay: its program is the user's.
std::vector<std::string> without_filters(std::string_view text);
/// For parse_remote().
process::Command remotes_command(const Path& folder);

}  // namespace dstack::source
