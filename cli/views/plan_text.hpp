// A plan that is shown and not run: `--dry-run`.
#pragma once

#include "command_line/context.hpp"
#include "dstack/plan/plan.hpp"

namespace dstack::cli {

enum class PlanForm { text, json };

/// Prints it on standard output. `plan`: without secrets (plan/redaction.hpp).
void print_plan(Context& context, const plan::Plan& plan, PlanForm form);

}  // namespace dstack::cli
