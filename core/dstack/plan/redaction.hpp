// A plan without its secrets.
#pragma once

#include "dstack/plan/plan.hpp"

namespace dstack::plan {

/// The same plan with `***` instead of each text that a provider declares a secret, or that is a
/// password: there, and where the same text is in a property or a variable of that workflow. For
/// everything that shows a plan; a run needs the plan as it is.
Plan without_secrets(Plan plan);

}  // namespace dstack::plan
