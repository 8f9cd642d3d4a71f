// pip, where there is no uv: the interpreter's own, run from the stage. Installing it into the
// environment and removing it again costs more than most installations.
#pragma once

#include "dstack/python/installer.hpp"

#include <string>
#include <vector>

namespace dstack::python {

/// Unpacks pip into the stage: from the wheel of ensurepip, of the system, or a copy of the
/// interpreter's own. The transcript's status says whether one was found.
Result<Transcript> unpack_pip(const InstallContext& context, const Path& interpreter);

/// The beginning of a command that runs it for the environment whose `python` this is.
std::vector<std::string> pip_command(const InstallContext& context, const Path& python);

}  // namespace dstack::python
