// The whole environment of one job when its run begins: base, what the plan merged, and the
// reserved names on top (spec, section 5).
#pragma once

#include "dstack/run/protocol/run_order.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// The ports reserved for each job that asks for some.
using PortsOfJobs = std::map<std::size_t, std::vector<std::uint16_t>>;

/// Ids of GPUs (resources/machine.hpp).
using GpuIds = std::vector<std::string>;

/// `ports` has those of the job and of its master; `gpus` are those it was given.
std::vector<std::pair<std::string, std::string>> job_environment(const RunOrder& order,
                                                                 std::size_t job,
                                                                 const PortsOfJobs& ports,
                                                                 const GpuIds& gpus);

}  // namespace dstack::run
