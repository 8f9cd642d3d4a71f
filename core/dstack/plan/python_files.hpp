// What the files of a project say about the Python of a job: `.python-version` and pyproject.toml,
// in the folder where the job starts or above, up to the root of the code.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/file.hpp"
#include "dstack/python/python.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::plan {

struct PythonFiles {
  python::VersionRequest request;         ///< without what the workflow itself says
  std::optional<SourceLocation> version;  ///< where `.python-version` says it
  std::optional<SourceLocation> range;    ///< where pyproject.toml says it
  std::optional<Error> problem;           ///< the version cannot be had at all
  std::vector<std::string> notices;       ///< about what is not heeded
  /// Files that list dependencies: "pyproject.toml", "uv.lock".
  std::vector<std::string> dependencies;
};

/// `root` is that of the code; `folder` is seen from it, "" is the root itself. Reads.
PythonFiles find_python_files(const Path& root, const std::string& folder);

}  // namespace dstack::plan
