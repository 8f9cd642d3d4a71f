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
  std::string platform = {};            ///< normal: "linux/arm64"; empty: not recorded

  /// Whether its processes are root, inside.
  bool runs_as_root() const;
};

struct RegistryUser {
  std::string name = {};  ///< empty: no account, or one of a token
  std::string password = {};
  std::string identity_token = {};  ///< instead of both
  std::string source = {};          ///< the file that has it; empty: it is the workflow's own

  bool anonymous() const { return name.empty() && identity_token.empty(); }
};

/// The engine's image of this name; not_found if it has none.
Result<ImageFacts> find_image(const Engine& engine, const std::string& image);

/// Whether an image for `platform` may stand for what is wanted: the same system and processor, and
/// the same variant where both name one. What is not known fits.
bool fits(std::string_view platform, std::string_view wanted);

/// Pulls it, for `platform` unless that is empty. `tell` gets progress messages for people. The
/// error says whether there is no such image, or none for the platform, or the registry denies
/// access or cannot be reached; the hint names the next step.
Result<void> pull_image(const Engine& engine,
                        const std::string& image,
                        const std::string& platform,
                        const RegistryUser& user,
                        const std::function<void(const std::string&)>& tell);

/// What Docker's files and its API call a registry: "https://index.docker.io/v1/" for "docker.io".
std::string registry_key(const std::string& registry);
/// An account as the API takes it: a token, or name and password.
Json credentials(const RegistryUser& user);
/// An account as the API takes it in the header X-Registry-Auth.
std::string registry_auth(const RegistryUser& user, const std::string& registry);
/// For a header of the API: base64 with `-` and `_`.
std::string base64_url(std::string_view bytes);

/// "python" is "python:latest"; a name with a tag or a digest stays as it is.
std::string with_tag(const std::string& image);
/// The host of its registry: "docker.io" if the name has none.
std::string registry_of(const std::string& image);

/// The answer of an engine that works for a while, while it arrives: one JSON object a line.
class ProgressLines {
 public:
  explicit ProgressLines(std::function<void(const Json&)> take_line)
      : take_line_(std::move(take_line)) {}

  /// False when a line is too long for an engine's output.
  bool take(std::string_view bytes);
  void end();

  /// The last error that it contained; empty: none.
  const std::string& error() const { return error_; }

 private:
  void parse(std::string_view line);

  std::function<void(const Json&)> take_line_;
  std::string text_;
  std::string error_;
};

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
