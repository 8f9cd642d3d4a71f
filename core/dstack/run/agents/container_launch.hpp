// What a job asks for, in the terms of a container. Values; no engine is asked.
#pragma once

#include "dstack/backend/container.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <string>
#include <vector>

namespace dstack::run {

/// What the job runs inside. Its commands are for the image's `sh`; its arguments are what an
/// engine calls the command: they follow the entrypoint, the job's or else the image's, in the
/// place of the image's own. Empty when neither has any. `script` is the file that contains the
/// commands; empty: they are given as arguments.
std::vector<std::string> container_command(const job::JobSpec& spec,
                                           const backend::ImageFacts& image,
                                           const std::string& script = {});

/// The request to the engine, without the command.
backend::ContainerLaunch container_launch(const AgentOrder& order);

}  // namespace dstack::run
