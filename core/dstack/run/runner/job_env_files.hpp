// Values of a job's files of variables. They are those of the submission: each attempt, also under
// a later supervisor, gets the same, whatever the files hold by then.
#pragma once

#include "dstack/run/protocol/job_order.hpp"

#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// Puts the values into the order's environment. Returns the variables whose values the log must
/// not show, also those that something else overrides. unavailable: the texts are gone or damaged.
Result<std::vector<std::pair<std::string, std::string>>> take_env_files(JobOrder& order);

}  // namespace dstack::run
