// What a job left in its workspace beside its artifacts.
#pragma once

#include "dstack/job/secret_findings.hpp"
#include "dstack/job/tree_reference.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::job {

/// What a job changed in its copy of the code, beside its artifacts.
struct Edits {
  std::size_t job = 0;
  TreeReference files = {};  ///< those that are new or different, by their paths in the project
  std::vector<std::string> removed = {};  ///< paths in the code
  SecretFindings exposure = {};           ///< secrets of the job that the files contain

  std::uint64_t count() const { return files.files + removed.size(); }
};

}  // namespace dstack::job
