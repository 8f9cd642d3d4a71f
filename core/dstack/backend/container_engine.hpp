// Docker or Podman, spoken to over its API. Both understand the same words; where they differ, it
// is said here. Knows nothing of jobs.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/http/client.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dstack::backend {

/// Where an engine listens: a Unix socket, or a URL of TCP.
struct EngineAddress {
  std::string name;    ///< "docker" or "podman": what usually listens there
  std::string socket;  ///< absolute path; empty: `url` says it
  std::string url;     ///< "http://127.0.0.1:2375"

  /// As people know it.
  const std::string& shown() const { return socket.empty() ? url : socket; }

  bool operator==(const EngineAddress&) const = default;
};

Json render(const EngineAddress& address);
EngineAddress parse_engine_address(const Json& json);

using Variables = std::function<std::optional<std::string>(const std::string&)>;

/// Where to look, the usual first: DOCKER_HOST alone when it is set; else Docker's socket and
/// Podman's, those of the machine before those of the user (XDG_RUNTIME_DIR). A DOCKER_HOST that
/// cannot be used (ssh://, TLS) is an error.
Result<std::vector<EngineAddress>> engine_addresses(const Variables& variables);

/// A running engine. A value; each request has a connection of its own, so any thread may ask.
class Engine {
 public:
  /// The first that answers among engine_addresses() of this process's environment. The error names
  /// each place and what is wrong there.
  static Result<Engine> find();
  static Result<Engine> open(const EngineAddress& address);

  const EngineAddress& address() const { return address_; }

  const std::string& version() const { return version_; }

  bool is_podman() const { return podman_; }

  /// Whether its containers' root is an ordinary user outside: the one who started it.
  Result<bool> is_rootless() const;

  /// Sends a request whose `url` is a path of the API without the version. An answer that tells a
  /// failure is an answer.
  Result<http::Response> send(http::Request request) const;
  /// The same for those that answer with JSON, or with nothing. An answer that tells a failure
  /// becomes an error with the engine's own words: not_found for 404, conflict for 409, else
  /// unavailable. `total` is the time it may take; 0: as long as it likes.
  Result<Json> ask(const std::string& method,
                   const std::string& path,
                   const Json& body = {},
                   std::chrono::milliseconds total = std::chrono::minutes(2)) const;

 private:
  EngineAddress address_;
  std::string api_;  ///< "/v1.41"
  std::string version_;
  bool podman_ = false;
};

/// Takes a part of an answer that tells a failure; what goes beyond 64 KiB is left out.
void add_refusal(std::string& refusal, std::string_view part);
/// What the engine said in an answer that tells a failure.
std::string engine_message(const http::Response& answer);

}  // namespace dstack::backend
