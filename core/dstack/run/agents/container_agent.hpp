// The process that runs the container of a job: `dstack container`, an agent
// (run/protocol/agent.hpp). Finds the engine, fetches the image, makes the container and starts it,
// copies its output to the log, passes a stop on to it, and removes it. It may be killed at any
// moment: from its record on disk the runner, or a later supervisor, knows what to remove.
#pragma once

namespace dstack::run {

/// The whole life of the process. Returns the job's exit code, or does not return: it then ends by
/// the signal that ended the job.
int container_main();

}  // namespace dstack::run
