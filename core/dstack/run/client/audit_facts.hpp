// What the audit log says of a run. Internal to run/client.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/plan/plan.hpp"

namespace dstack::run {

/// What runs, which libraries it was made by (each with the SHA-256 of its file as it is now; null
/// where it cannot be read), who is given which secrets by name, and whose jobs are in a sandbox.
Json audit_facts(const plan::Plan& plan);

}  // namespace dstack::run
