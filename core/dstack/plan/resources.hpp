// Resources: what a workflow asks for, and whether this machine can ever give it. Checked here;
// reserved by nobody yet.
#pragma once

#include "dstack/plan/make.hpp"
#include "dstack/provider/job_spec.hpp"
#include "dstack/provider/properties.hpp"

namespace dstack::plan {

/// The resources property of a workflow, typed; nothing asked where it has none.
provider::Resources planned_resources(const provider::CheckedProperties& properties);
/// How many cards of the machine have the name (part of it, in any case) and the memory that are
/// asked for.
std::size_t count_fitting_gpus(const Machine& machine, const provider::Resources& wanted);
/// "cpu 4, memory 16.0 GB, 2 GPUs 'V100'", or empty when nothing is asked.
std::string describe_resources(const provider::Resources& resources);

}  // namespace dstack::plan
