#include "commands/engines.hpp"

#include "dstack/backend/container_engine.hpp"
#include "dstack/base/environment_variable.hpp"
#include "dstack/process/spawn.hpp"

#include <unistd.h>

namespace dstack::cli {

namespace {

/// A missing socket is detected without loading libcurl.
Result<backend::Engine> open(const backend::EngineAddress& address) {
  if (!address.socket.empty() && ::access(address.socket.c_str(), R_OK | W_OK) != 0)
    return fail_errno("'{}' cannot be reached", address.socket);
  return backend::Engine::open(address);
}

Engine find_engine(const std::string& name,
                   const Result<std::vector<backend::EngineAddress>>& addresses) {
  Engine engine;
  engine.name = name;
  engine.program =
      process::find_program(name, environment_variable("PATH").value_or("")).value_or("");
  if (!addresses) {
    engine.trouble = addresses.error().message;
    return engine;
  }
  for (const backend::EngineAddress& address : *addresses) {
    if (address.name != name)
      continue;
    engine.socket = address.shown();
    const auto opened = open(address);
    if (opened) {
      engine.version = opened->version();
      return engine;
    }
    engine.trouble = opened.error().message;
  }
  if (engine.trouble.empty())
    engine.trouble = fmt::format("{} names another engine", addresses->front().named_by);
  return engine;
}

}  // namespace

std::vector<Engine> find_engines() {
  const auto addresses = backend::engine_addresses(environment_variable);
  return {find_engine("docker", addresses), find_engine("podman", addresses)};
}

}  // namespace dstack::cli
