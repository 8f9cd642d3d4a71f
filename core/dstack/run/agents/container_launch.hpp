// What a job asks for, in the terms of a container. Values; no engine is asked.
#pragma once

#include "dstack/backend/container.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <string>
#include <vector>

namespace dstack::run {

/// What the job runs inside: the program and its arguments, by what the job says and, without that,
/// by what the image starts. Empty when neither says anything. `script` is where the commands stand
/// as a file; empty: nowhere, they are given as arguments.
std::vector<std::string> container_command(const job::JobSpec& spec,
                                           const backend::ImageFacts& image,
                                           const std::string& script = {});

/// What the engine is asked for, but for the command.
backend::ContainerLaunch container_launch(const AgentOrder& order);

}  // namespace dstack::run
