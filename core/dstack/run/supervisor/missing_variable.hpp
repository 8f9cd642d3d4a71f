// "It works in my folder": a job that failed because it lacks a variable which a file such as
// `.env` in the user's folder sets, or which is set where the run was started. Git mostly ignores
// such files, and jobs get few of the caller's variables.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/supervisor/code_paths.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

/// Searches the end of a job's log for a line that complains about such a variable. `caller`: the
/// names that the caller has. The sentence to show, without any value; or empty.
std::string explain_missing_variable(std::string_view log_end,
                                     const RunOrder& order,
                                     std::size_t job,
                                     const std::vector<std::string>& caller,
                                     const CodePaths& code);

}  // namespace dstack::run
