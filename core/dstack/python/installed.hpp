// The packages of an environment that somebody else has made: a virtual or conda environment that
// is active. Read from the folders, without starting a Python.
#pragma once

#include "dstack/base/file.hpp"

#include <string>
#include <string_view>

namespace dstack::python {

/// A line for each package, in order: "numpy==2.1.0", "mine @ file:///src/mine"; in a conda
/// environment also its own packages, as conda writes them: "openssl=3.3.1=h4bc722e_2". `program`
/// is the interpreter in the environment's `bin`.
std::string installed_packages(const Path& program);

/// Two such lists, of which the second comes first where Python searches: a package that is in both
/// is listed as there.
std::string merge_packages(std::string_view later, std::string_view first);

}  // namespace dstack::python
