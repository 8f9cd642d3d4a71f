// What has to exist before a container of a job can be created: its image (image_provision.hpp), a
// file with its commands where they are too long, a pipe with its secrets, a workspace that it may
// write to.
#pragma once

#include "dstack/backend/container.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <cstdint>

namespace dstack::run {

struct PreparedContainer {
  backend::ImageFacts image;
  std::string image_name;  ///< for messages
  backend::ContainerLaunch launch;
  Fd secrets;  ///< both ends of the pipe: it keeps its content as long as this is open
  /// In a workspace that others use too: changes after this time are the container's; nanoseconds
  /// since 1970 by the clock of files. Else 0.
  std::int64_t since = 0;
};

/// May take minutes, when the image has to be fetched; what it does meanwhile goes to `reporter`
/// and to standard output, which is the job's log. `folder` is the attempt's.
Result<PreparedContainer> prepare_container(const AgentOrder& order,
                                            const backend::Engine& engine,
                                            const Path& folder,
                                            const AgentReporter& reporter);

}  // namespace dstack::run
