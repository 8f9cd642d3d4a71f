// The process that sees a container of a job through: `dstack container`, an agent (run/agent.hpp).
// Finds the engine, fetches the image, makes the container and starts it, copies its output to the
// log, passes a stop on to it, and removes it. It may be killed at any moment: its record on disk
// tells the runner, or a later supervisor, what to remove.
#pragma once

#include "dstack/backend/container.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <string>
#include <vector>

namespace dstack::run {

/// The whole life of the process. Returns the job's exit code, or does not return: it then ends by
/// the signal that ended the job.
int container_main();

/// What the job runs inside: the program and its arguments, by what the job says and, without that,
/// by what the image starts. Empty when neither says anything. `script` is where the commands stand
/// as a file; empty: nowhere, they are given in words.
std::vector<std::string> container_command(const job::JobSpec& spec,
                                           const backend::ImageFacts& image,
                                           const std::string& script = {});

/// What the engine is asked for, but for the words.
backend::ContainerLaunch container_launch(const AgentOrder& order);

}  // namespace dstack::run
