// What a snapshot is compared with: the commit's tree, with the files of its submodules in place of
// their commits, and without what never becomes code. Internal to source/.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/code.hpp"
#include "dstack/source/git_repository.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace dstack::source {

/// A repository whose index and new objects are a folder of ours, so that it is never written to.
struct BorrowedRepository {
  Path project;
  Path staging;  ///< holds "tree", the snapshot, and gets "index" and "objects"
  GitRepository repository;
  GitRepository::Writing writing;

  process::Command command(std::vector<std::string> arguments) const {
    return repository.command(writing, std::move(arguments));
  }
};

Result<BorrowedRepository> borrow_repository(const Path& project, const Path& staging);

/// The tree to compare with, which is also read into the index; an empty one before the first
/// commit. `files` are the paths of the snapshot. `notes` says which submodules are not compared.
Result<std::string> make_diff_base(BorrowedRepository& repository,
                                   const job::GitFacts& git,
                                   const std::set<std::string, std::less<>>& files,
                                   std::vector<std::string>& notes);

}  // namespace dstack::source
