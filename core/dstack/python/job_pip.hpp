// pip and uv as the jobs of an environment find them: whatever leaves the environment as it is
// works, and what would change it is refused, as all runs share it.
#pragma once

#include "dstack/base/file.hpp"

#include <optional>
#include <string>

namespace dstack::python {

/// Without a pip of its own, gives the environment in `folder` one that uses the interpreter's:
/// `pip install six`, without `--target` or the like, says why it fails and what to write instead.
/// The same for `uv`, the program that jobs find otherwise, where there is one.
Result<void> place_job_pip(const Path& folder, const std::optional<std::string>& uv);

}  // namespace dstack::python
