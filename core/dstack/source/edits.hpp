// Changes in a copy of a project's code: found, kept, and brought back into the
// project where that loses nothing.
#pragma once

#include "dstack/files/entry.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dstack::source {

/// The place of a job, as it was made and as it is now.
struct EditedFolder {
  Path folder;  ///< in layers: with what was written over the code and the inputs
  job::TreeReference code;
  std::vector<job::TreeReference> inputs;  ///< laid over the code
  std::vector<std::string> artifacts;      ///< paths or patterns that are kept anyway; normal
  std::vector<std::string> others = {};    ///< further paths that are not the job's own: links
  bool is_layered = false;                 ///< as an overlay writes it (overlay/written.hpp)
};

/// Whether anything outside the artifacts can have changed after `since` (nanoseconds since 1970;
/// in layers at any time): quick, and never false when something did.
bool is_touched(const EditedFolder& place, std::int64_t since);

struct FoundEdits {
  std::vector<files::FoundFile> files;    ///< within the limit, sorted by path
  std::vector<files::FoundFile> dropped;  ///< the others, largest first
  std::vector<std::string> removed;       ///< paths of the code

  bool empty() const { return files.empty() && removed.empty(); }
};

/// Files of the code that differ from it, new files, also those that .gitignore names, and what was
/// removed. Inputs, artifacts, what .dstackignore names, repositories of Git, environments and
/// caches are none. Up to `limit` bytes, of which a file takes at least 4096: first what was
/// changed, then the smallest files. `objects` has the code.
Result<FoundEdits> find_edits(const EditedFolder& place,
                              const store::ObjectStore& objects,
                              std::uint64_t limit);
/// Stores them, of which some may have vanished meanwhile.
Result<job::Edits> keep_edits(const EditedFolder& place,
                              FoundEdits found,
                              store::ObjectStore& kept,
                              std::vector<std::string>& warnings);

/// One path of some edits, as it relates to the code.
struct EditedPath {
  enum class Kind { added, changed, removed };

  Kind kind = Kind::changed;
  std::string path;
  std::uint64_t size = 0;  ///< bytes
};

/// A code, and what became of it.
struct EditedCode {
  const job::TreeReference& code;
  const store::ObjectStore& objects;  ///< of the code
  const job::Edits& edits;
  const store::ObjectStore& kept;  ///< of the edits
};

/// Sorted by path.
Result<std::vector<EditedPath>> list_edits(const EditedCode& edited);

struct Applied {
  std::vector<std::string> written;
  std::vector<std::string> removed;
  std::vector<std::string> merged;     ///< the project's own change and the job's went together
  std::vector<std::string> unchanged;  ///< the project has it already
  std::vector<std::string> conflicts;  ///< both changed it; the project's stays
  std::vector<std::string> ignored;    ///< new files that .gitignore names: not written
};

/// Three-way: the code is what both sides began with. Writes into `project`, never over a change of
/// the user's own, never through a link.
Result<Applied> apply_edits(const Path& project, const EditedCode& edited);

}  // namespace dstack::source
