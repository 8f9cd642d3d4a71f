// The programs that jobs need, as checks of 'doctor'.
#pragma once

#include "views/checks.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

/// One in PATH, with the version that it says it has; not of one that others could replace.
Check check_program(const std::string& name, Health when_missing, const std::string& hint);
void check_engines(std::vector<Check>& checks);
void check_pythons(const Path& project, std::vector<Check>& checks);

}  // namespace dstack::cli
