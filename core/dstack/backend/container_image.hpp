// Images of a container engine: inspecting and pulling them.
#pragma once

#include "dstack/backend/container_engine.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::backend {

struct ImageFacts {
  std::string id;
  std::string user;                     ///< "", "1000", "app:staff"
  std::vector<std::string> entrypoint;  ///< what it starts by default: this,
  std::vector<std::string> command;     ///< followed by this

  /// Whether its processes are root, inside.
  bool runs_as_root() const;
};

struct RegistryUser {
  std::string name;  ///< empty: no account
  std::string password;
};

/// The engine's image of this name; not_found if it has none.
Result<ImageFacts> find_image(const Engine& engine, const std::string& image);

/// Pulls it. `tell` gets progress messages for people. The error says whether there is no such
/// image, or the registry denies access or cannot be reached; the hint names the next step.
Result<void> pull_image(const Engine& engine,
                        const std::string& image,
                        const RegistryUser& user,
                        const std::function<void(const std::string&)>& tell);

/// "python" is "python:latest"; a name with a tag or a digest stays as it is.
std::string with_tag(const std::string& image);
/// The host of its registry: "docker.io" if the name has none.
std::string registry_of(const std::string& image);

/// The progress of a pull, from the lines that the engine sends: a message for each further tenth.
class PullProgress {
 public:
  std::optional<std::string> take(const Json& line);

  /// The known layers; an engine that reports too many of them is ignored from then on.
  std::size_t layers() const { return layers_.size(); }

 private:
  static constexpr std::size_t most_layers = 1000;  ///< an image has at most 127

  struct Layer {
    std::uint64_t done = 0;
    std::uint64_t size = 0;
  };

  std::map<std::string, Layer> layers_;
  std::uint64_t reported_ = 0;  ///< tenths
};

}  // namespace dstack::backend
