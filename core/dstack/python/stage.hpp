// The folder from which one installation is made: the requirement files, and copies of the local
// projects that they name, as building a project writes into its folder and the code of a run must
// not change.
#pragma once

#include "dstack/python/requirements.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

/// Where the project of a lock is in the stage.
Path staged_project(const LockedProject& project, const Path& code, const Path& stage);

/// Fills `stage`, which is new. Returns the names of the files to install, relative to the stage.
Result<std::vector<std::string>> fill_stage(const Requirements& requirements,
                                            const Path& code,
                                            const Path& stage);

/// A list of packages as the installers print it, with the stage's paths replaced by those in the
/// requirement files.
std::string without_stage(std::string list, const Path& stage);

}  // namespace dstack::python
