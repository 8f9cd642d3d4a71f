#include "engines.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/json.hpp"
#include "dstack/process/spawn.hpp"

#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

constexpr int patience_seconds = 2;

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::unavailable, "its socket's path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience = {patience_seconds, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("'" + path + "' cannot be reached");
  return socket;
}

/// Both engines answer the same question in the same words.
Result<std::string> ask_version(const std::string& socket_path) {
  DSTACK_TRY(const Fd socket, connect_to(socket_path));
  DSTACK_CHECK(write_all(socket.get(), "GET /version HTTP/1.0\r\nHost: engine\r\n\r\n"));
  DSTACK_TRY(const std::string answer, read_all(socket.get()));
  const std::size_t body = answer.find("\r\n\r\n");
  const std::size_t begin = body == std::string::npos ? body : answer.find('{', body);
  const std::size_t end = answer.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return fail(ErrorCode::unavailable, "'" + socket_path + "' gives no answer that makes sense");
  DSTACK_TRY(const Json json,
             parse_json(std::string_view(answer).substr(begin, end - begin + 1),
                        "the answer of '" + socket_path + "'"));
  return json_string(json, "Version", "of unknown version");
}

Engine find_engine(const std::string& name, const std::vector<std::string>& sockets) {
  Engine engine;
  engine.name = name;
  engine.program = process::find_program(name, variable("PATH")).value_or("");
  for (const std::string& socket : sockets) {
    engine.socket = socket;
    const auto version = ask_version(socket);
    if (version) {
      engine.version = *version;
      return engine;
    }
    engine.trouble = version.error().message;
  }
  return engine;
}

}  // namespace

std::vector<Engine> find_engines() {
  std::vector<std::string> docker = {"/var/run/docker.sock"};
  const std::string host = variable("DOCKER_HOST");
  if (host.rfind("unix://", 0) == 0)
    docker = {host.substr(7)};
  const std::string runtime = variable("XDG_RUNTIME_DIR");
  std::vector<std::string> podman = {"/run/podman/podman.sock"};
  if (!runtime.empty())
    podman.push_back(runtime + "/podman/podman.sock");
  return {find_engine("docker", docker), find_engine("podman", podman)};
}

}  // namespace dstack::cli
