#include "dstack/backend/registry_login.hpp"

#include "dstack/backend/docker_config.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"

#include <unistd.h>

namespace dstack::backend {

namespace {

constexpr auto patience_with_helper = std::chrono::seconds(60);
constexpr std::size_t longest_reason = 200;

using Warn = std::function<void(const std::string&)>;

/// The name without tag and digest.
std::string name_of(const std::string& image) {
  std::string name = image.substr(0, image.find('@'));
  const std::size_t colon = name.rfind(':');
  const std::size_t slash = name.rfind('/');
  return colon != std::string::npos && (slash == std::string::npos || colon > slash)
             ? name.substr(0, colon)
             : name;
}

/// The host of a registry as it is written in those files: with a scheme and a version of the
/// protocol, or without. A part of a registry, "quay.io/team", stays what it is.
std::string normal_key(std::string_view key) {
  const std::size_t scheme = key.find("://");
  if (scheme != std::string_view::npos)
    key.remove_prefix(scheme + 3);
  while (key.ends_with('/'))
    key.remove_suffix(1);
  for (const std::string_view version : {"/v1", "/v2"})
    if (key.ends_with(version))
      key.remove_suffix(version.size());
  const bool is_docker = key == "index.docker.io" || key == "registry-1.docker.io";
  return is_docker ? "docker.io" : std::string(key);
}

/// The keys under which an account for the image may be, the most exact one first.
std::vector<std::string> keys_of(const std::string& image) {
  const std::string registry = registry_of(image);
  std::string name = name_of(image);
  if (!name.starts_with(registry + "/"))
    name = fmt::format("{}/{}", registry, name);
  std::vector<std::string> keys;
  for (; name.size() > registry.size(); name.resize(name.rfind('/')))
    keys.push_back(name);
  keys.push_back(registry);
  return keys;
}

/// The member of `map` for the image, with its key as it is written; null where there is none.
std::pair<std::string, const Json*> find_key(const Json& config,
                                             const char* map,
                                             const std::string& image) {
  const Json* entries = json_member(config, map);
  if (entries == nullptr || !entries->is_object())
    return {};
  for (const std::string& wanted : keys_of(image))
    for (const auto& [key, value] : entries->items())
      if (normal_key(key) == wanted)
        return {key, &value};
  return {};
}

RegistryUser account_of(const Json& entry) {
  RegistryUser user{json_string(entry, "username"), json_string(entry, "password")};
  user.identity_token = json_string(entry, "identitytoken");
  const auto pair = decode_base64(json_string(entry, "auth")).value_or("");
  const std::size_t colon = pair.find(':');
  if (user.name.empty() && colon != std::string::npos) {
    user.name = pair.substr(0, colon);
    user.password = pair.substr(colon + 1);
    user.password.resize(std::min(user.password.size(), user.password.find('\0')));
  }
  return user;
}

std::string first_line(std::string_view text) {
  const std::string_view trimmed = trim(text);
  return printable(trimmed.substr(0, std::min(longest_reason, trimmed.find('\n'))));
}

/// What a credential helper knows of a registry. An account that it does not have is no failure.
RegistryUser ask_helper(const std::string& helper, const std::string& server, const Warn& warn) {
  process::Command command;
  command.argv = {"docker-credential-" + helper, "get"};
  const auto failed = [&](const std::string& reason) {
    warn(fmt::format("'{}' gives no account for registry '{}', so none is used: {}",
                     command.argv.front(),
                     normal_key(server),
                     reason));
    return RegistryUser();
  };
  if (helper.find('/') != std::string::npos)
    return failed("this is not the name of a credential helper");
  const auto output = process::run(command, server, patience_with_helper);
  if (!output)
    return failed(output.error().message);
  if (!process::succeeded(output->status)) {
    const std::string reason = first_line(output->out.empty() ? output->err : output->out);
    return reason.find("credentials not found") != std::string::npos ? RegistryUser()
                                                                     : failed(reason);
  }
  const auto answer = parse_json(output->out, "the answer of a credential helper");
  if (!answer)
    return failed("its answer is not JSON");
  RegistryUser user{json_string(*answer, "Username"), json_string(*answer, "Secret")};
  if (user.name == "<token>")
    user = RegistryUser{"", "", std::exchange(user.password, {})};
  return user;
}

RegistryUser login_in(const Json& config, const std::string& image, const Warn& warn) {
  RegistryUser user;
  if (const auto [key, helper] = find_key(config, "credHelpers", image); helper != nullptr)
    user = ask_helper(helper->is_string() ? helper->get<std::string>() : "", key, warn);
  else if (const std::string store = json_string(config, "credsStore"); !store.empty())
    user = ask_helper(store, registry_key(registry_of(image)), warn);
  if (!user.anonymous())
    return user;
  const auto [key, entry] = find_key(config, "auths", image);
  return entry == nullptr ? RegistryUser() : account_of(*entry);
}

void add_file(std::vector<Path>& files, const Path& file) {
  if (file.is_absolute())
    files.push_back(file);
}

}  // namespace

std::vector<Path> login_files(bool podman, const Variables& variables) {
  const auto value = [&](const char* name) { return variables(name).value_or(""); };
  std::vector<Path> files;
  if (podman && !value("REGISTRY_AUTH_FILE").empty())
    return {value("REGISTRY_AUTH_FILE")};
  if (podman) {
    add_file(files, Path(value("XDG_RUNTIME_DIR")) / "containers/auth.json");
    add_file(files, fmt::format("/run/containers/{}/auth.json", ::geteuid()));
    const Path config = value("XDG_CONFIG_HOME").empty() ? Path(value("HOME")) / ".config"
                                                         : Path(value("XDG_CONFIG_HOME"));
    add_file(files, config / "containers/auth.json");
  }
  add_file(files, docker_config_folder(variables) / "config.json");
  return files;
}

RegistryUser find_login(const std::string& image,
                        const std::vector<Path>& files,
                        const Warn& warn) {
  for (const Path& file : files) {
    const auto config = read_config_file(file);
    if (!config) {
      warn(fmt::format("{}: no account of it is used", config.error().message));
      continue;
    }
    RegistryUser user = login_in(*config, image, warn);
    if (user.anonymous())
      continue;
    user.source = file.string();
    return user;
  }
  return {};
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  while (text.ends_with('='))
    text.remove_suffix(1);
  for (const char c : text) {
    const std::uint32_t digit = c >= 'A' && c <= 'Z'   ? static_cast<std::uint32_t>(c - 'A')
                                : c >= 'a' && c <= 'z' ? static_cast<std::uint32_t>(c - 'a' + 26)
                                : c >= '0' && c <= '9' ? static_cast<std::uint32_t>(c - '0' + 52)
                                : c == '+' || c == '-' ? 62U
                                : c == '/' || c == '_' ? 63U
                                                       : 64U;
    if (digit == 64)
      return std::nullopt;
    group = group << 6U | digit;
    bits += 6;
    if (bits < 8)
      continue;
    bits -= 8;
    bytes += static_cast<char>(group >> static_cast<unsigned>(bits) & 0xFFU);
  }
  return bytes;
}

}  // namespace dstack::backend
