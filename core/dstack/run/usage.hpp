// What a job took of the machine, and what its limits did to it, put into its exit record.
#pragma once

#include "dstack/backend/usage.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/order.hpp"

namespace dstack::run {

/// As they are kept.
store::Usage figures_of(const backend::Usage& usage);

/// Of a container its agent has told. The record knows how the job ended. One that failed while its
/// memory was used up ran out of memory, whatever signal or exit code it came to; of one that ended
/// well it is a warning.
void note_resources(ExitRecord& record,
                    const resources::Limiter& limiter,
                    const backend::Usage& usage,
                    const provider::JobSpec& spec);

}  // namespace dstack::run
