// Environments that a conda environment file describes, made with micromamba, mamba or conda:
// whichever is there. The interpreter comes with them.
#pragma once

#include "dstack/python/installer.hpp"
#include "dstack/python/python.hpp"

#include <optional>
#include <string>

namespace dstack::python {

/// The text of an environment file, with nothing that dstack cannot give to conda: files of the
/// project that its pip section names. `name` is for messages.
Result<void> check_conda_file(const std::string& text, const std::string& name);

/// The program: in the caller's variables (MAMBA_EXE, CONDA_EXE) or in PATH.
std::optional<std::string> find_conda(const Lookup& environment);

Failure conda_is_missing(const std::string& file);

/// The command that makes the environment `folder` of a file.
std::vector<std::string> conda_command(const std::string& program,
                                       const Path& folder,
                                       const std::string& file);

}  // namespace dstack::python
