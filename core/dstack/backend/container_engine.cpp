#include "dstack/backend/container_engine.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"

#include <cerrno>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::backend {

namespace {

using namespace std::chrono_literals;

/// The newest version of the API that is used here; an older engine gets its own.
constexpr int newest_api = 44;

Result<EngineAddress> address_of_host(const std::string& host) {
  EngineAddress address;
  address.name = host.find("podman") != std::string::npos ? "podman" : "docker";
  if (host.starts_with("unix://"))
    address.socket = host.substr(7);
  else if (host.starts_with("tcp://") || host.starts_with("http://"))
    address.url = "http" + host.substr(host.find("://"));
  else
    return fail(ErrorCode::unavailable, "DOCKER_HOST is '{}', which dstack does not support", host)
        .with_hint(
            "set it to unix:///path/of/the/socket, or unset it; containers work on files of this "
            "machine, so their engine must run here");
  return address;
}

/// The second number of a version of the API, "1.41".
int minor_of(const std::string& version) {
  const std::size_t dot = version.find('.');
  return dot == std::string::npos ? 0 : parse_number<int>(version.substr(dot + 1)).value_or(0);
}

std::string group_of(const std::string& path) {
  struct stat known {};

  if (::stat(path.c_str(), &known) != 0)
    return "docker";
  const group* entry = ::getgrgid(known.st_gid);
  return entry == nullptr ? std::to_string(known.st_gid) : entry->gr_name;
}

/// Why an address does not work.
struct Trouble {
  std::string place;
  std::string reason;
  bool forbidden = false;
  bool missing = false;
};

Trouble look_at(const EngineAddress& address) {
  Trouble trouble{address.shown(), {}};
  if (!address.socket.empty() && ::access(address.socket.c_str(), R_OK | W_OK) != 0) {
    trouble.forbidden = errno == EACCES;
    trouble.missing = errno == ENOENT || errno == ENOTDIR;
    trouble.reason = trouble.forbidden ? "permission denied" : "not found";
  }
  return trouble;
}

Failure no_engine(const std::vector<Trouble>& troubles) {
  std::string places;
  for (const Trouble& trouble : troubles)
    places += fmt::format("{}{}: {}", places.empty() ? " " : "; ", trouble.place, trouble.reason);
  for (const Trouble& trouble : troubles)
    if (trouble.forbidden)
      return fail(ErrorCode::unavailable,
                  "permission denied for the container engine at '{}'",
                  trouble.place)
          .with_hint(
              "only root and the group '{}' may use it: sudo usermod -aG {} \"$USER\", and log in "
              "again",
              group_of(trouble.place),
              group_of(trouble.place));
  return fail(ErrorCode::unavailable, "no container engine answers")
      .with_hint(
          "install Docker or Podman and start it, or name its socket in DOCKER_HOST; tried:{}",
          places);
}

}  // namespace

Json render(const EngineAddress& address) {
  return {{"name", address.name}, {"socket", address.socket}, {"url", address.url}};
}

EngineAddress parse_engine_address(const Json& json) {
  return {json_string(json, "name"), json_string(json, "socket"), json_string(json, "url")};
}

Result<std::vector<EngineAddress>> engine_addresses(const Variables& variables) {
  if (const auto host = variables("DOCKER_HOST"); host && !host->empty()) {
    DSTACK_TRY(auto address, address_of_host(*host));
    return std::vector{std::move(address)};
  }
  std::vector<EngineAddress> all = {{"docker", "/var/run/docker.sock", {}},
                                    {"podman", "/run/podman/podman.sock", {}}};
  if (const auto runtime = variables("XDG_RUNTIME_DIR"); runtime && !runtime->empty()) {
    all.insert(all.begin() + 1, {"docker", *runtime + "/docker.sock", {}});
    all.push_back({"podman", *runtime + "/podman/podman.sock", {}});
  }
  return all;
}

Result<Engine> Engine::open(const EngineAddress& address) {
  Engine engine;
  engine.address_ = address;
  http::Request request;
  request.url = "/version";
  request.total = 10s;
  DSTACK_TRY(const auto answer, engine.send(request));
  if (answer.status != 200)
    return fail(ErrorCode::unavailable,
                "the server at '{}' is not a container engine: {}",
                address.shown(),
                engine_message(answer));
  DSTACK_TRY(const Json json,
             parse_json(answer.body, fmt::format("the answer of '{}'", address.shown())));
  engine.version_ = json_string(json, "Version", "of unknown version");
  if (const Json* parts = json_member(json, "Components"); parts != nullptr && parts->is_array())
    for (const Json& part : *parts)
      engine.podman_ = engine.podman_ || json_string(part, "Name").starts_with("Podman");
  const int offered = minor_of(json_string(json, "ApiVersion"));
  const int least = minor_of(json_string(json, "MinAPIVersion"));
  if (offered > 0)
    engine.api_ = "/v1." + std::to_string(std::max(std::min(offered, newest_api), least));
  return engine;
}

Result<Engine> Engine::find() {
  DSTACK_TRY(const auto addresses, engine_addresses(nonempty_environment_variable));
  std::vector<Trouble> troubles;
  for (const EngineAddress& address : addresses) {
    Trouble trouble = look_at(address);
    if (trouble.reason.empty()) {
      auto engine = open(address);
      if (engine)
        return engine;
      trouble.reason = engine.error().message;
    }
    troubles.push_back(std::move(trouble));
  }
  return no_engine(troubles);
}

Result<bool> Engine::is_rootless() const {
  DSTACK_TRY(const Json info, ask("GET", "/info"));
  for (const std::string& option : json_strings(info, "SecurityOptions"))
    if (option.find("rootless") != std::string::npos)
      return true;
  return false;
}

Result<http::Response> Engine::send(http::Request request) const {
  request.unix_socket = address_.socket;
  request.url = (address_.socket.empty() ? address_.url : "http://engine") + api_ + request.url;
  return http::send(request);
}

Result<Json> Engine::ask(const std::string& method,
                         const std::string& path,
                         const Json& body,
                         std::chrono::milliseconds total) const {
  http::Request request;
  request.method = method;
  request.url = path;
  request.total = total;
  if (!body.is_null()) {
    request.headers = {{"Content-Type", "application/json"}};
    request.body = render_json(body);
  }
  DSTACK_TRY(const auto answer, send(request));
  if (answer.status >= 400) {
    const ErrorCode code = answer.status == 404   ? ErrorCode::not_found
                           : answer.status == 409 ? ErrorCode::conflict
                                                  : ErrorCode::unavailable;
    return fail(code, "{}", engine_message(answer));
  }
  if (trim(answer.body).empty())
    return Json();
  return parse_json(answer.body, fmt::format("the answer of '{}'", address_.shown()));
}

void add_refusal(std::string& refusal, std::string_view part) {
  constexpr std::size_t longest = 64 << 10;
  refusal.append(part.substr(0, longest - refusal.size()));
}

std::string engine_message(const http::Response& answer) {
  const auto json = parse_json(answer.body, "an answer");
  std::string message = json ? json_string(*json, "message") : std::string();
  if (message.empty())
    message = trim(answer.body);
  return message.empty() ? fmt::format("HTTP status {}", answer.status)
                         : std::string(trim(message));
}

}  // namespace dstack::backend
