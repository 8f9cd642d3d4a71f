// What the pyproject.toml, uv.lock and environment.yaml of a request mean beside the packages:
// where their own code is, and whether this machine can install them.
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/python/python.hpp"

#include <vector>

namespace dstack::python {

/// Reads these files, and finds the program that installs them: what can be said before a run
/// starts. Requests without such files, and files that are not below `code` (they come with an
/// input), are not looked at.
Result<void> check_project_files(const job::PythonRequest& request,
                                 const Path& code,
                                 const Lookup& environment);

/// The folders from which the projects of a request are imported, as they would be after `uv sync`:
/// `src` beside pyproject.toml, or its own folder where the project is a package. Absolute, below
/// `code`. None for a project that is installed itself.
std::vector<Path> import_folders(const job::PythonRequest& request, const Path& code);

}  // namespace dstack::python
