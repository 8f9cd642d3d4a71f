// The name of an environment: the digest of everything that determines its content.
#pragma once

#include "dstack/base/sha256.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/requirements.hpp"

#include <string>

namespace dstack::python {

/// Of the interpreter (its real path and version), the platform, the requirement files with all
/// that they include, the variables that they use, the files of local projects and archives, and
/// the installers' index settings. The answers of an index are not part of it: the same
/// requirements give the same environment until they change.
Result<std::string> environment_key(const Requirements& requirements,
                                    const Interpreter& interpreter,
                                    const Path& code,
                                    const Lookup& environment,
                                    const JobInput& job = {});

}  // namespace dstack::python
