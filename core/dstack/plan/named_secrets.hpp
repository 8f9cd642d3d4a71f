// Which secrets a plan gives to whom.
#pragma once

#include "dstack/plan/plan.hpp"

#include <set>
#include <string>
#include <vector>

namespace dstack::plan {

/// The names of the secrets that each workflow of the plan is given, in the order of the workflows:
/// those that its properties refer to, and those in the environment of its jobs.
std::vector<std::set<std::string>> secrets_by_workflow(const Plan& plan);

}  // namespace dstack::plan
