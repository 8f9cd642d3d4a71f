// pip and uv as the jobs of an environment find them: whatever leaves the environment as it is
// works. What a job installs goes into a folder of its own, which Python searches before the
// environment's; what would take something out of the environment is refused, as all runs share it.
#pragma once

#include "dstack/base/file.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::python {

/// Without a pip of its own, gives the environment in `folder` one that uses the interpreter's. The
/// same for `uv`, the program that jobs find otherwise, where there is one. Outside of a job, where
/// there is no folder of its own, `pip install six` says why it fails and what to write instead.
/// The variable that names the job's own folder, laid out like an environment.
inline constexpr const char* job_packages_variable = "DSTACK_JOB_PACKAGES";

/// Makes that folder, for jobs in the environment `folder`; returns what PYTHONPATH has to name.
Result<std::vector<Path>> make_job_packages(const Path& folder, const Path& own);

Result<void> place_job_pip(const Path& folder, const std::optional<std::string>& uv);

}  // namespace dstack::python
