// The packages of an environment that somebody else has made: a virtual or conda environment that
// is active. Read from the folders, without starting a Python.
#pragma once

#include "dstack/base/file.hpp"

#include <string>

namespace dstack::python {

/// A line for each package, in order: "numpy==2.1.0", "mine @ file:///src/mine"; in a conda
/// environment also its own packages, as conda writes them: "openssl=3.3.1=h4bc722e_2". `program`
/// is the interpreter in the environment's `bin`.
std::string installed_packages(const Path& program);

}  // namespace dstack::python
