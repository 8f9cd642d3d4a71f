// A project's uv.lock: which packages it installs from the code itself, and whether it is that of
// the pyproject.toml beside it. What it installs else is uv's matter.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/requirements_source.hpp"

#include <string>
#include <vector>

namespace dstack::python {

/// Something of the project's own that the lock installs.
struct LockedPath {
  enum class Kind { project, archive, wheels };
  Kind kind = Kind::project;
  Path path;  ///< absolute
};

struct LockedProject {
  job::RequirementsSource source;  ///< its file relative to the project's root
  Path folder;                     ///< of pyproject.toml and uv.lock; absolute
  std::string lock;                ///< the text of uv.lock
  std::string project;             ///< the text of pyproject.toml
  std::vector<LockedPath> local;   ///< the project itself is one of them only when it is meant
  bool is_package = false;         ///< pyproject.toml has [project], and not only members
};

/// Reads both files. Errors: no pyproject.toml, no TOML, an unknown extra or group, paths outside
/// the code, and a dependency of the project that the lock lacks, for `uv sync --frozen` would
/// leave it out without a word.
Result<LockedProject> read_lock(const job::RequirementsSource& source, const Path& code);

}  // namespace dstack::python
