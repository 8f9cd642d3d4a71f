// Changes in a copy of a project's code: found, kept, and brought back into the
// project where that loses nothing.
#pragma once

#include "dstack/job/edits.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::source {

/// The place of a job, as it was made and as it is now.
struct EditedFolder {
  Path folder;
  job::TreeReference code;
  std::vector<job::TreeReference> inputs;  ///< laid over the code
  std::vector<std::string> artifacts;      ///< paths or patterns that are kept anyway; normal
  std::vector<std::string> others = {};    ///< further paths that are not the job's own: links
};

/// Whether anything outside the artifacts can have changed after `since` (nanoseconds since 1970):
/// quick, and never false when something did.
bool is_touched(const EditedFolder& place, std::int64_t since);

/// Files of the code that differ from it, new files, and what was removed. Inputs, artifacts, and
/// what the rules of .gitignore and .dstackignore leave out (and the caches that Python and Jupyter
/// write beside their files) are none. Stores what it finds; nothing when there is nothing.
Result<std::optional<job::Edits>> find_edits(const EditedFolder& place,
                                             store::ObjectStore& objects,
                                             std::vector<std::string>& warnings);

/// One path of some edits, as it relates to the code.
struct EditedPath {
  enum class Kind { added, changed, removed };

  Kind kind = Kind::changed;
  std::string path;
};

/// Sorted by path.
Result<std::vector<EditedPath>> list_edits(const job::TreeReference& code,
                                           const job::Edits& edits,
                                           const store::ObjectStore& objects);

struct Applied {
  std::vector<std::string> written;
  std::vector<std::string> removed;
  std::vector<std::string> merged;     ///< the project's own change and the job's went together
  std::vector<std::string> unchanged;  ///< the project has it already
  std::vector<std::string> conflicts;  ///< both changed it; the project's stays
};

/// Three-way: `code` is what both sides began with. Writes into `project`, never over a change of
/// the user's own, never through a link.
Result<Applied> apply_edits(const Path& project,
                            const job::TreeReference& code,
                            const job::Edits& edits,
                            const store::ObjectStore& objects);

}  // namespace dstack::source
