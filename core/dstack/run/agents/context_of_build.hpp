// The image of a job that is made from a Dockerfile in the run's code. Its name is made from all
// that goes into it, so that it is built once for the same content.
#pragma once

#include "dstack/backend/image_build.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/store/objects/objects.hpp"

#include <string>

namespace dstack::run {

/// What an image is made from.
struct ImageSource {
  std::string name;  ///< "dstack-build:" and a digest of all below
  backend::BuildRequest request;
  std::vector<store::TreeFile> files;  ///< of the context, with their paths in it; sorted
  store::TreeFile dockerfile;
  std::string text;  ///< of the Dockerfile
};

/// From the code of the run, without what the `.dockerignore` of the context leaves out. Nothing is
/// read but that and the Dockerfile.
Result<ImageSource> image_source(const JobOrder& order);

/// The archive that an engine takes, as a file without a name in `folder`.
Result<Fd> write_context(const ImageSource& source,
                         const store::ObjectStore& objects,
                         const Path& folder);

}  // namespace dstack::run
