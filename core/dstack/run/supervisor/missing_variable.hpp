// "It works in my folder": a job that failed because it lacks a variable which a file such as
// `.env` in the user's folder sets. Git mostly ignores such files, so the job had neither.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/store/objects/objects.hpp"

#include <string>
#include <string_view>

namespace dstack::run {

/// Searches the end of a job's log for a line that complains about such a variable. The sentence to
/// show, without any value; or empty.
std::string explain_missing_variable(std::string_view log_end,
                                     const RunOrder& order,
                                     std::size_t job,
                                     const store::ObjectStore& objects);

}  // namespace dstack::run
