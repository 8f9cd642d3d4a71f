// Docker or Podman, over its API. Both have the same API; differences are documented here. Does not
// depend on jobs.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/http/client.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dstack::backend {

/// How to talk to an engine over TLS: files in PEM, empty where there is none.
struct EngineTls {
  std::string authorities = {};  ///< who may have signed its certificate; empty: the system's
  std::string certificate = {};  ///< of the client, with its key
  std::string key = {};
  bool any_server = false;  ///< its certificate is not checked

  /// Whether it is to be TLS at all.
  bool any() const { return any_server || !authorities.empty() || !certificate.empty(); }

  bool operator==(const EngineTls&) const = default;
};

/// Where an engine listens: a Unix socket, or a URL of TCP.
struct EngineAddress {
  std::string name;           ///< "docker" or "podman": what usually listens there
  std::string socket;         ///< absolute path; empty: `url` is used
  std::string url;            ///< "http://127.0.0.1:2375"
  EngineTls tls = {};         ///< for a URL with https
  std::string named_by = {};  ///< "DOCKER_HOST", "Docker's context 'mine'"; empty: a usual place

  /// For people.
  const std::string& shown() const { return socket.empty() ? url : socket; }

  bool operator==(const EngineAddress&) const = default;
};

Json render(const EngineAddress& address);
EngineAddress parse_engine_address(const Json& json);

using Variables = std::function<std::optional<std::string>(const std::string&)>;

/// The addresses to try, the usual one first. One that is named is the only one: by DOCKER_HOST
/// (with DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH), else DOCKER_CONTEXT, CONTAINER_HOST,
/// or the context that is in use. Else Docker's socket and Podman's, those of the machine before
/// those of the user (XDG_RUNTIME_DIR). A name that cannot be used (ssh://, a context that does not
/// exist) is an error.
Result<std::vector<EngineAddress>> engine_addresses(const Variables& variables);

/// A running engine. A value; each request has a connection of its own, so any thread may ask.
class Engine {
 public:
  /// The first of engine_addresses() of this process's environment that answers. The error names
  /// each address and why it does not work.
  static Result<Engine> find();
  static Result<Engine> open(const EngineAddress& address);

  const EngineAddress& address() const { return address_; }

  const std::string& version() const { return version_; }

  bool is_podman() const { return podman_; }

  /// Whose programs it runs: "linux/amd64"; empty when it does not report that.
  const std::string& platform() const { return platform_; }

  /// Whether root in its containers is an ordinary user outside: the one who started the engine.
  Result<bool> is_rootless() const;

  /// Sends a request whose `url` is a path of the API without the version. An error status is not
  /// an error of this function.
  Result<http::Response> send(http::Request request) const;
  /// The same for answers in JSON, or empty ones. An error status becomes an error with the
  /// engine's own message: not_found for 404, conflict for 409, else unavailable. `total` limits
  /// the time; 0: no limit.
  Result<Json> ask(const std::string& method,
                   const std::string& path,
                   const Json& body = {},
                   std::chrono::milliseconds total = std::chrono::minutes(2)) const;

 private:
  EngineAddress address_;
  std::string api_;  ///< "/v1.41"
  std::string version_;
  std::string platform_;
  bool podman_ = false;
};

/// "linux/arm64" of "aarch64", "ARM64" or "linux/arm64/v8": how platforms are compared.
std::string normal_platform(std::string_view platform);

/// Takes a part of an error answer; what exceeds 64 KiB is dropped.
void add_refusal(std::string& refusal, std::string_view part);
/// The engine's message in an error answer.
std::string engine_message(const http::Response& answer);

}  // namespace dstack::backend
