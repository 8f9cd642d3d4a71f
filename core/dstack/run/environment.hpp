// The whole environment of one job when its run begins: base, what the plan merged, and the
// reserved names on top (spec, section 5).
#pragma once

#include "dstack/run/order.hpp"

#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

std::vector<std::pair<std::string, std::string>> job_environment(const RunOrder& order,
                                                                 std::size_t job,
                                                                 const std::string& host_name);

}  // namespace dstack::run
