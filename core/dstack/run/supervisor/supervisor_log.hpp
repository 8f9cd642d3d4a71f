// The log of a supervisor: supervisor.log in its run's folder. A supervisor has no terminal.
#pragma once

#include "dstack/base/file.hpp"

#include <string>

namespace dstack::run {

/// The variable with which the user who starts a run asks for more: "warning", "info" or "debug".
/// The supervisor inherits it, and every later one of the run from the runners.
inline constexpr const char* log_level_variable = "DSTACK_LOG";

/// Called first, while there is one thread. Decisions are logged from here on if the environment
/// asks for "info" or more; else the file is made only when there is a problem.
void start_supervisor_log(const Path& run_folder);

/// What the supervisor has decided: a start, a retry, a lease, a take-over, a refusal. In any
/// thread; does nothing unless the level is "info" or more.
void log_decision(const std::string& message);

/// What it could not do, or not record.
void log_problem(const Path& run_folder, const std::string& message);

}  // namespace dstack::run
