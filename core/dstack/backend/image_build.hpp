// Has an engine make an image from a Dockerfile, over its API. What is built is a tar file.
#pragma once

#include "dstack/backend/container_image.hpp"
#include "dstack/base/fd.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::backend {

struct BuildRequest {
  std::string tag;                                             ///< what the image is called
  std::string dockerfile;                                      ///< its path in the archive
  std::vector<std::pair<std::string, std::string>> arguments;  ///< for ARG
  std::string target;    ///< the stage that is wanted; empty: the last
  std::string platform;  ///< empty: the engine's
  std::vector<std::pair<std::string, std::string>> labels;
  /// The accounts with which the images it begins from are pulled, by registry.
  std::vector<std::pair<std::string, RegistryUser>> accounts;
};

/// The path of the request, with what belongs to it.
std::string build_url(const BuildRequest& request);
/// The header X-Registry-Config; empty without accounts.
std::string registry_config(const BuildRequest& request);

/// The images that a Dockerfile begins from or copies from, as far as their names are in it: not
/// its own stages, and no name that a variable is part of.
std::vector<std::string> base_images(std::string_view dockerfile);

/// Builds. `archive`: an open file, the context. `output` gets what the engine prints, piece by
/// piece. Closing the connection, as the end of this process does, ends the build.
Result<void> build_image(const Engine& engine,
                         const BuildRequest& request,
                         int archive,
                         const std::function<void(std::string_view)>& output);

}  // namespace dstack::backend
