#include "dstack/backend/container.hpp"
#include "support/catch.hpp"
#include "support/variables.hpp"

using namespace dstack;
using namespace dstack::backend;

namespace {

Result<std::vector<EngineAddress>> addresses(std::map<std::string, std::string> variables) {
  return engine_addresses(test::lookup_in(std::move(variables)));
}

std::string shown(const Result<std::vector<EngineAddress>>& all) {
  std::string text;
  for (const EngineAddress& address : all.value())
    text += address.name + " " + address.shown() + "\n";
  return text;
}

}  // namespace

TEST_CASE("engines are looked for at the machine's sockets and the user's") {
  CHECK(shown(addresses({})) ==
        "docker /var/run/docker.sock\n"
        "podman /run/podman/podman.sock\n");
  CHECK(shown(addresses({{"XDG_RUNTIME_DIR", "/run/user/7"}})) ==
        "docker /var/run/docker.sock\n"
        "docker /run/user/7/docker.sock\n"
        "podman /run/podman/podman.sock\n"
        "podman /run/user/7/podman/podman.sock\n");
}

TEST_CASE("DOCKER_HOST alone determines where the engine is") {
  CHECK(shown(addresses({{"DOCKER_HOST", "unix:///x/y.sock"}, {"XDG_RUNTIME_DIR", "/r"}})) ==
        "docker /x/y.sock\n");
  CHECK(shown(addresses({{"DOCKER_HOST", "unix:///r/podman/podman.sock"}})) ==
        "podman /r/podman/podman.sock\n");
  CHECK(shown(addresses({{"DOCKER_HOST", "tcp://127.0.0.1:2375"}})) ==
        "docker http://127.0.0.1:2375\n");
  CHECK(shown(addresses({{"DOCKER_HOST", ""}})) == shown(addresses({})));
}

TEST_CASE("an unsupported DOCKER_HOST is an error that names it") {
  const auto all = addresses({{"DOCKER_HOST", "ssh://me@host"}});
  REQUIRE_FALSE(all);
  CHECK(all.error().message == "DOCKER_HOST is 'ssh://me@host', which dstack does not support");
}

TEST_CASE("an address is read back from its record") {
  for (const EngineAddress& address :
       {EngineAddress{"docker", "/x", ""}, EngineAddress{"podman", "", "http://h:1"}})
    CHECK(parse_engine_address(render(address)) == address);
}

TEST_CASE("the streams of a container are separated wherever the pieces are cut") {
  std::string bytes("\1\0\0\0\0\0\0\3abc", 11);
  bytes += std::string("\2\0\0\0\0\0\0\2\0\n", 10);
  bytes += std::string("\1\0\0\0\0\0\1\1", 8) + std::string(257, 'x');
  bytes += std::string("\1\0\0\0\0\0\0\0", 8);
  bytes += std::string("\2\0\0\0\0\0\0\1z", 9);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{8}, bytes.size()}) {
    std::string out;
    std::string err;
    StreamParts parts(
        [&](int stream, std::string_view text) { (stream == 2 ? err : out).append(text); });
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      parts.feed(std::string_view(bytes).substr(at, piece));
    CHECK(out == "abc" + std::string(257, 'x'));
    CHECK(err == std::string("\0\nz", 3));
  }
}
