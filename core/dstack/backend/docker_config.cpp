#include "dstack/backend/docker_config.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"

#include <unistd.h>

namespace dstack::backend {

namespace {

constexpr const char* usual_context = "default";

struct Context {
  std::string name;
  std::string chosen_by;  ///< a variable, or a file
};

/// The name of the context that is in use; nothing when none is named.
Result<std::optional<Context>> context_in_use(const Variables& variables) {
  const auto named = variables("DOCKER_CONTEXT");
  if (named && !named->empty())
    return std::optional(Context{*named, "DOCKER_CONTEXT"});
  const Path file = docker_config_folder(variables) / "config.json";
  DSTACK_TRY(const Json config, read_config_file(file));
  std::string name = json_string(config, "currentContext");
  if (name.empty())
    return std::optional<Context>();
  return std::optional(Context{std::move(name), fmt::format("'{}'", file.string())});
}

/// The files of a context are in folders by the digest of its name.
Path folder_of(const Path& config, const char* kind, const std::string& context) {
  return config / "contexts" / kind / sha256(context).render();
}

EngineTls tls_of_context(const Path& config, const std::string& name, const Json& endpoint) {
  const Path folder = folder_of(config, "tls", name) / "docker";
  EngineTls tls;
  const auto file = [&](const char* its_name) {
    const std::string path = (folder / its_name).string();
    return ::access(path.c_str(), R_OK) == 0 ? path : std::string();
  };
  tls.authorities = file("ca.pem");
  tls.certificate = file("cert.pem");
  tls.key = file("key.pem");
  tls.any_server = json_boolean(endpoint, "SkipTLSVerify");
  return tls;
}

/// "tcp://host" is the usual port of it.
std::string with_port(const std::string& place, bool secure) {
  const std::size_t bracket = place.rfind(']');
  const std::size_t begin = bracket == std::string::npos ? 0 : bracket;
  const std::size_t path = std::min(place.size(), place.find('/'));
  if (place.substr(0, path).find(':', begin) != std::string::npos)
    return place;
  return place.substr(0, path) + (secure ? ":2376" : ":2375") + place.substr(path);
}

}  // namespace

Path docker_config_folder(const Variables& variables) {
  if (const auto folder = variables("DOCKER_CONFIG"); folder && !folder->empty())
    return *folder;
  const auto home = variables("HOME");
  return home && !home->empty() ? Path(*home) / ".docker" : Path();
}

Result<Json> read_config_file(const Path& file) {
  if (::access(file.c_str(), F_OK) != 0)
    return Json();
  const auto text = read_file(file);
  if (!text)
    return fail(ErrorCode::unavailable, "{}", text.error().message);
  auto config = parse_json(*text, fmt::format("'{}'", file.string()));
  if (!config)
    return fail(ErrorCode::unavailable, "{}", config.error().message)
        .with_hint(
            "'docker' and 'podman' keep contexts and accounts there: correct it, or remove "
            "it and log in again");
  return config;
}

Result<EngineAddress> parse_engine_host(const std::string& host,
                                        const std::string& named_by,
                                        const EngineTls& tls) {
  EngineAddress address;
  address.name = host.find("podman") != std::string::npos ? "podman" : "docker";
  address.named_by = named_by;
  const std::string place = host.substr(std::min(host.size(), host.find("://") + 3));
  const bool secure = host.starts_with("https://") || tls.any();
  if (host.starts_with("unix://")) {
    address.socket = place;
  } else if (host.starts_with("tcp://") || host.starts_with("http://") ||
             host.starts_with("https://")) {
    address.url = (secure ? "https://" : "http://") + with_port(place, secure);
    address.tls = tls;
  } else {
    return fail(ErrorCode::unavailable, "{} is '{}', which dstack does not support", named_by, host)
        .with_hint("containers work on files of this machine, so their engine must run here: {}",
                   named_by == "DOCKER_HOST" || named_by == "CONTAINER_HOST"
                       ? "set it to unix:///path/of/the/socket, or unset it"
                       : "DOCKER_CONTEXT=default uses the engine of this machine, as does 'docker "
                         "context use default'");
  }
  return address;
}

Result<std::optional<EngineAddress>> address_of_context(const Variables& variables) {
  DSTACK_TRY(const auto context, context_in_use(variables));
  if (!context || context->name == usual_context)
    return std::optional<EngineAddress>();
  const Path config = docker_config_folder(variables);
  const Path file = folder_of(config, "meta", context->name) / "meta.json";
  DSTACK_TRY(const Json meta, read_config_file(file));
  const Json* endpoints = json_member(meta, "Endpoints");
  const Json* docker = endpoints == nullptr ? nullptr : json_member(*endpoints, "docker");
  if (docker == nullptr || json_string(*docker, "Host").empty())
    return fail(ErrorCode::unavailable,
                "there is no context '{}' of Docker, which {} names",
                printable(context->name),
                context->chosen_by)
        .with_hint(
            "'docker context ls' lists them; DOCKER_CONTEXT=default uses the engine of this "
            "machine");
  DSTACK_TRY(auto address,
             parse_engine_host(json_string(*docker, "Host"),
                               fmt::format("Docker's context '{}'", printable(context->name)),
                               tls_of_context(config, context->name, *docker)));
  return std::optional(std::move(address));
}

}  // namespace dstack::backend
