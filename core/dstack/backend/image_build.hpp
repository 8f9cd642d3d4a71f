// Has an engine make an image from a Dockerfile, over its API. What is built is a tar file.
#pragma once

#include "dstack/backend/container_image.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"

#include <chrono>
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

/// The container in which a step of a build runs, in what Docker prints when it starts: 12 digits.
/// Empty for all else; Podman has no such containers.
std::string_view container_of_step(std::string_view text);

/// Builds. `archive`: an open file, the context. `output` gets what the engine prints, piece by
/// piece. Closing the connection, as the end of this process does, ends the build: the engine then
/// kills the container of the step, some time later.
Result<void> build_image(const Engine& engine,
                         const BuildRequest& request,
                         int archive,
                         const std::function<void(std::string_view)>& output);

/// The record of a step's container that may outlive the build; empty: of an engine that names none.
Result<void> write_build_record(const Path& file,
                                const EngineAddress& engine,
                                std::string_view container);
/// Waits until that container has gone, for `most` at the longest, and removes the record. Does
/// nothing without a record. An error names the container that is still there, or says that one may
/// be: Podman goes on with a step whose build nobody waits for any more.
Result<void> wait_for_build(const Path& file, std::chrono::milliseconds most);

}  // namespace dstack::backend
