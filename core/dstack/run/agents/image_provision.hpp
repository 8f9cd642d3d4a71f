// The image of a job's container: the one that the engine has, one that is pulled, or one that is
// built from the code of the run.
#pragma once

#include "dstack/backend/container_image.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <string>

namespace dstack::run {

struct ProvidedImage {
  std::string name;  ///< as people and engines know it
  backend::ImageFacts facts;
};

/// May take minutes; what it does meanwhile goes to `reporter` and to standard output, which is the
/// job's log. Ending the process ends it. `folder` is the attempt's, for what is sent to the
/// engine.
Result<ProvidedImage> provide_image(const JobOrder& order,
                                    const backend::Engine& engine,
                                    const Path& folder,
                                    const AgentReporter& reporter);

}  // namespace dstack::run
