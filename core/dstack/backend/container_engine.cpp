#include "dstack/backend/container_engine.hpp"

#include "dstack/backend/docker_config.hpp"
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

/// For a `tcp://` of DOCKER_HOST, as Docker's command line does it.
EngineTls tls_of_variables(const Variables& variables) {
  const auto is_set = [&](const char* name) { return !variables(name).value_or("").empty(); };
  EngineTls tls;
  if (!is_set("DOCKER_TLS_VERIFY") && !is_set("DOCKER_TLS"))
    return tls;
  const Path folder = is_set("DOCKER_CERT_PATH") ? Path(*variables("DOCKER_CERT_PATH"))
                                                 : docker_config_folder(variables);
  const auto file = [&](const char* its_name) {
    const std::string path = (folder / its_name).string();
    return ::access(path.c_str(), F_OK) == 0 ? path : std::string();
  };
  tls.any_server = !is_set("DOCKER_TLS_VERIFY");
  if (!tls.any_server)
    tls.authorities = (folder / "ca.pem").string();
  tls.certificate = file("cert.pem");
  tls.key = file("key.pem");
  return tls;
}

/// The second number of a version of the API, "1.41".
int minor_of(const std::string& version) {
  const std::size_t dot = version.find('.');
  return dot == std::string::npos ? 0 : parse_number<int>(version.substr(dot + 1)).value_or(0);
}

/// What systems call processors, in the words of images.
constexpr std::pair<std::string_view, std::string_view> processors[] = {
    {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm/v7"}, {"armhf", "arm/v7"}};

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

/// One that was named is the only one that was tried.
Failure no_named_engine(const EngineAddress& address, const Trouble& trouble) {
  const bool is_context = address.named_by.starts_with("Docker");
  const bool wants_tls =
      address.url.starts_with("http:") && (trouble.reason.find("HTTPS") != std::string::npos ||
                                           trouble.reason.find("broke off") != std::string::npos);
  return fail(ErrorCode::unavailable,
              "no container engine answers at '{}', which {} names: {}",
              address.shown(),
              address.named_by,
              trouble.reason)
      .with_hint(
          "{}",
          wants_tls    ? "if it speaks TLS, set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the "
                         "folder of ca.pem, cert.pem and key.pem"
          : is_context ? "start it; 'docker context ls' lists the contexts, and "
                         "DOCKER_CONTEXT=default uses the engine of this machine"
                       : "start it, or unset the variable to use the engine of this machine");
}

Failure no_engine(const std::vector<EngineAddress>& addresses,
                  const std::vector<Trouble>& troubles) {
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
  if (!addresses.front().named_by.empty())
    return no_named_engine(addresses.front(), troubles.front());
  return fail(ErrorCode::unavailable, "no container engine answers")
      .with_hint(
          "install Docker or Podman and start it, or name its socket in DOCKER_HOST; tried:{}",
          places);
}

}  // namespace

Json render(const EngineAddress& address) {
  Json json = {{"name", address.name}, {"socket", address.socket}, {"url", address.url}};
  if (address.tls.any())
    json["tls"] = {{"authorities", address.tls.authorities},
                   {"certificate", address.tls.certificate},
                   {"key", address.tls.key},
                   {"any_server", address.tls.any_server}};
  if (!address.named_by.empty())
    json["named_by"] = address.named_by;
  return json;
}

EngineAddress parse_engine_address(const Json& json) {
  EngineAddress address{
      json_string(json, "name"), json_string(json, "socket"), json_string(json, "url")};
  if (const Json* tls = json_member(json, "tls"); tls != nullptr)
    address.tls = {json_string(*tls, "authorities"),
                   json_string(*tls, "certificate"),
                   json_string(*tls, "key"),
                   json_boolean(*tls, "any_server")};
  address.named_by = json_string(json, "named_by");
  return address;
}

/// The one that is named, if any is.
Result<std::optional<EngineAddress>> named_engine(const Variables& variables) {
  if (const auto host = variables("DOCKER_HOST"); host && !host->empty()) {
    DSTACK_TRY(auto address, parse_engine_host(*host, "DOCKER_HOST", tls_of_variables(variables)));
    return std::optional(std::move(address));
  }
  const bool context_named = !variables("DOCKER_CONTEXT").value_or("").empty();
  if (const auto host = variables("CONTAINER_HOST"); host && !host->empty() && !context_named) {
    DSTACK_TRY(auto address, parse_engine_host(*host, "CONTAINER_HOST", {}));
    address.name = "podman";
    return std::optional(std::move(address));
  }
  return address_of_context(variables);
}

Result<std::vector<EngineAddress>> engine_addresses(const Variables& variables) {
  DSTACK_TRY(auto named, named_engine(variables));
  if (named)
    return std::vector{*std::move(named)};
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
  if (const std::string machine = json_string(json, "Arch"); !machine.empty())
    engine.platform_ = normal_platform(json_string(json, "Os", "linux") + "/" + machine);
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
  return no_engine(addresses, troubles);
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
  request.authorities = address_.tls.authorities;
  request.certificate = address_.tls.certificate;
  request.key = address_.tls.key;
  request.any_server = address_.tls.any_server;
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

std::string normal_platform(std::string_view platform) {
  const std::string text = to_lower(platform);
  const std::size_t slash = text.find('/');
  std::string system = slash == std::string::npos ? "linux" : text.substr(0, slash);
  std::string processor = slash == std::string::npos ? text : text.substr(slash + 1);
  for (const auto& [name, known] : processors)
    if (processor == name)
      processor = known;
  // The first 64-bit version of both is what their name means.
  for (const std::string_view usual : {"arm64/v8", "amd64/v1"})
    if (processor == usual)
      processor.resize(processor.find('/'));
  return fmt::format("{}/{}", system, processor);
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
