// The project's files, for commands that only read them.
#pragma once

#include "command_line/context.hpp"
#include "dstack/config/project/project.hpp"

namespace dstack::cli {

/// The error of commands that need a project where there is none.
Failure refuse_missing_project();
/// The project; errors of single workflows become warnings. An error where there is no project.
Result<config::Project> read_project(const Context& context);

}  // namespace dstack::cli
