// Files in which other tools keep the packages of a project, and which neither pip nor uv reads as
// requirements.
#pragma once

#include "dstack/base/error.hpp"

#include <string>

namespace dstack::python {

/// Refuses a file of another tool by its name; the hint says what to name instead. `path` is the
/// file as messages show it.
Result<void> check_requirements_name(const std::string& path);

}  // namespace dstack::python
