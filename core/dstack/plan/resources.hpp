// Resources: what a workflow asks for, and whether this machine can ever give it. Reserved when a
// job is about to start (resources/lease.hpp).
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/provider/manifest/properties.hpp"

namespace dstack::plan {

/// The resources property of a workflow, typed; nothing asked where it has none.
job::Resources planned_resources(const provider::CheckedProperties& properties);
/// Whether the machine, with nothing else on it, could give jobs all they ask for at once.
bool can_be_granted(const std::vector<job::Resources>& jobs, const Machine& machine);
/// What is reserved for a job: "cpu 4, memory 16.0 GB, 2 GPUs V100"; empty: nothing.
std::string describe_reserved(const job::Resources& resources);
/// What else it asks for: "shared memory 8.0 GB, local"; empty: nothing.
std::string describe_unreserved(const job::Resources& resources);

}  // namespace dstack::plan
