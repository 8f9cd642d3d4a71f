// Which files a project's code is. Internal to source/.
#pragma once

#include "dstack/files/entry.hpp"
#include "dstack/job/code.hpp"
#include "dstack/source/snapshot.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dstack::source {

/// What is remembered of a project, so that Git need not be run for it each time.
struct KnownRoot {
  std::uint64_t repository = 0;  ///< inode of its .git
  std::string commit;

  bool operator==(const KnownRoot&) const = default;
};

struct CodeFiles {
  std::vector<files::FoundFile> files;  ///< sorted by path; states filled in
  job::GitFacts git = {};
  KnownRoot root = {};
  std::vector<std::string> warnings = {};
  std::vector<std::string> notes = {};
  std::vector<OutsideLink> outside_links = {};
};

/// `home` is never code, wherever it is. The root commit is `known`'s when that is of the same
/// repository, is looked for when it is not, and is left empty without `known`, for a plan that is
/// only looked at. `asked`: what Git was asked already about the project; may be null.
Result<CodeFiles> find_code_files(const Path& project,
                                  const SnapshotOptions& options,
                                  const Path& home,
                                  const std::optional<KnownRoot>& known,
                                  std::shared_ptr<GitInquiry> asked = nullptr);

}  // namespace dstack::source
