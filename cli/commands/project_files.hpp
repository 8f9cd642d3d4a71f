// The project's files, for commands that only look at them.
#pragma once

#include "command_line/context.hpp"
#include "dstack/config/project/project.hpp"

namespace dstack::cli {

/// For commands that are about a project's files where there is none.
Failure refuse_missing_project();
/// The project; what is wrong with single workflows becomes warnings. An error where there is no
/// project.
Result<config::Project> read_project(const Context& context);

}  // namespace dstack::cli
