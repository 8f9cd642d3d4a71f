// Images of a container engine: what is in one, and fetching one that is not here.
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
  std::vector<std::string> entrypoint;  ///< what it starts by itself: this,
  std::vector<std::string> command;     ///< with this behind it

  /// Whether its processes are root, inside.
  bool runs_as_root() const;
};

struct RegistryUser {
  std::string name;  ///< empty: nobody in particular
  std::string password;
};

/// What the engine has under this name; not_found when it has none.
Result<ImageFacts> find_image(const Engine& engine, const std::string& image);

/// Fetches it. `tell` gets sentences for people as it goes on. The error says which of these it is:
/// no such image, a registry that refuses, one that cannot be reached; the hint says what to do.
Result<void> pull_image(const Engine& engine,
                        const std::string& image,
                        const RegistryUser& user,
                        const std::function<void(const std::string&)>& tell);

/// "python" is "python:latest"; a name with a tag or a digest stays as it is.
std::string with_tag(const std::string& image);
/// The host of its registry: "docker.io" where the name says none.
std::string registry_of(const std::string& image);

/// How far a pull is, from the lines that the engine sends: a sentence each time another tenth has
/// come.
class PullProgress {
 public:
  std::optional<std::string> take(const Json& line);

  /// That are known: an engine that makes up ever more of them is listened to no longer.
  std::size_t layers() const { return layers_.size(); }

 private:
  static constexpr std::size_t most_layers = 1000;  ///< an image has at most 127

  struct Layer {
    std::uint64_t done = 0;
    std::uint64_t size = 0;
  };

  std::map<std::string, Layer> layers_;
  std::uint64_t told_ = 0;  ///< tenths
};

}  // namespace dstack::backend
