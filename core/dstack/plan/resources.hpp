// Resources: what a workflow asks for, and whether this machine can ever give it. Reserved when a
// job is about to start (resources/claim.hpp).
#pragma once

#include "dstack/plan/make.hpp"
#include "dstack/provider/job_spec.hpp"
#include "dstack/provider/properties.hpp"

namespace dstack::plan {

/// The resources property of a workflow, typed; nothing asked where it has none.
provider::Resources planned_resources(const provider::CheckedProperties& properties);
/// "cpu 4, memory 16.0 GB, 2 GPUs 'V100'", or empty when nothing is asked.
std::string describe_resources(const provider::Resources& resources);

}  // namespace dstack::plan
