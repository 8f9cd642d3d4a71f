// What of a plan may be shown.
#pragma once

#include "dstack/plan/plan.hpp"

namespace dstack::plan {

/// The same plan with `***` in the place of each text that a provider calls a secret, or that is a
/// password: there, and where the same text stands in a property or a variable of that workflow.
/// For everything that shows a plan; what runs needs the plan as it is.
Plan without_secrets(Plan plan);

}  // namespace dstack::plan
