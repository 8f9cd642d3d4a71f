// A port is the job's own: whoever else listens there is not asked, not called ready, and named.
#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr uid_t attacker = 65534;

/// Socket of a user, at a port of 127.0.0.1 or of ::1. Empty: that cannot be had here.
Fd socket_at(int family, std::uint16_t port, uid_t user) {
  const uid_t own = ::geteuid();
  if (user != own)
    REQUIRE(::seteuid(user) == 0);
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (user != own)
    REQUIRE(::seteuid(own) == 0);
  const int yes = 1;  // also where connections of an ended server linger
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(port);
  ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  ipv6.sin6_addr = in6addr_loopback;
  const bool is_bound =
      family == AF_INET
          ? ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&ipv4), sizeof ipv4) == 0
          : ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&ipv6), sizeof ipv6) == 0;
  return is_bound ? std::move(socket) : Fd();
}

Fd listener_at(int family, std::uint16_t port, uid_t user = ::geteuid()) {
  Fd socket = socket_at(family, port, user);
  if (socket)
    REQUIRE(::listen(socket.get(), 8) == 0);
  return socket;
}

bool has_ipv6() {
  return static_cast<bool>(socket_at(AF_INET6, 0, ::geteuid()));
}

/// Whether somebody has connected to it, or does so soon.
bool is_asked(const Fd& listener) {
  pollfd polled{listener.get(), POLLIN, 0};
  return ::poll(&polled, 1, 500) > 0;
}

/// A server that begins to listen when it is told to, and says its port before.
struct Scene {
  Scene() {
    box.set("DSTACK_LOG=info");
    box.workflows(
        "workflows:\n"
        "  - name: serve\n"
        "    provider: bash\n"
        "    ports: 1\n"
        "    workspace: project\n"
        "    commands:\n"
        "      - echo $JOB_PORT_0 > port.part && mv port.part port-$JOB_PORT_0\n"
        "      - while [ ! -e go ]; do sleep 0.05; done\n"
        "      - exec python3 -m http.server --bind 127.0.0.1 $JOB_PORT_0\n");
  }

  /// The port that the job says; after a change, the new one.
  std::uint16_t port(std::uint16_t other_than = 0) const {
    for (int i = 0; i < 1200; ++i) {
      for (const auto& entry : fs::directory_iterator(box.project())) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("port-"))
          continue;
        const auto port = static_cast<std::uint16_t>(std::stoi(name.substr(5)));
        if (port != other_than)
          return port;
      }
      ::usleep(50'000);
    }
    FAIL("no port was said");
    return 0;
  }

  void go() const { box.file("go", ""); }

  /// A run that was ready at this port, and whose server has ended since: it goes on until there is
  /// a file `fail`, and fails the first time.
  std::pair<std::string, std::uint16_t> ready_and_gone() const {
    box.workflows(
        "workflows:\n"
        "  - name: serve\n"
        "    provider: bash\n"
        "    ports: 1\n"
        "    workspace: project\n"
        "    commands:\n"
        "      - python3 -m http.server --bind 127.0.0.1 $JOB_PORT_0 & echo $! > server\n"
        "      - echo > port-$JOB_PORT_0\n"
        "      - while [ ! -e go ]; do sleep 0.05; done\n"
        "      - kill $(cat server); wait; echo > gone\n"
        "      - while [ ! -e fail ]; do sleep 0.05; done\n"
        "      - if [ ! -e again ]; then touch again; exit 3; fi\n");
    const std::string run = box.start({"serve"});
    const std::uint16_t at = port();
    CHECK(address(run) == fmt::format("http://127.0.0.1:{}/", at));
    go();
    boost::system::error_code error;
    for (int i = 0; i < 1200 && !fs::exists(box.project() / "gone", error); ++i)
      ::usleep(50'000);
    REQUIRE(fs::exists(box.project() / "gone", error));
    return {run, at};
  }

  std::string address(const std::string& run) const {
    std::string address = box.ok({"app", run, "--print"});
    address.pop_back();
    return address;
  }

  Sandbox box;
};

void check_another_port(int family, uid_t user, const std::string& name) {
  const Scene scene;
  const std::string run = scene.box.start({"serve"});
  const std::uint16_t taken = scene.port();

  const Fd thief = listener_at(family, taken, user);
  REQUIRE(thief);
  const std::uint16_t other = scene.port(taken);
  scene.go();

  CHECK(scene.address(run) == fmt::format("http://127.0.0.1:{}/", other));
  CHECK_FALSE(is_asked(thief));
  const Json job = scene.box.json({"show", run, "--json"})["jobs"][0];
  CHECK(job["attempts"] == 2);
  CHECK(std::any_of(job["history"].begin(), job["history"].end(), [](const Json& entry) {
    return entry["cause"] == "port";
  }));
  const auto log = read_file(scene.box.home() / "runs" / run / "supervisor.log");
  REQUIRE(log);
  INFO(*log);
  CHECK(log->find(fmt::format("port {} is the job's, but {}", taken, name)) != std::string::npos);
  CHECK(log->find("listens there") != std::string::npos);
  scene.box.ok({"stop", run, "-y"});
}

}  // namespace

TEST_CASE("ports: another program of the same user is not taken for the job", "[security]") {
  check_another_port(AF_INET, ::geteuid(), "user ");
}

TEST_CASE("ports: another user who listens first is named, and gets nothing", "[security]") {
  if (::geteuid() != 0)
    SKIP("only root can listen as somebody else");
  check_another_port(AF_INET, attacker, "user 'nobody' (process ");
}

TEST_CASE("ports: somebody at ::1, where browsers go first, is found as well", "[security]") {
  if (!has_ipv6())
    SKIP("no IPv6 here");
  check_another_port(AF_INET6, ::geteuid(), "user ");
}

TEST_CASE("ports: once an application is ready, nobody else gets its port", "[security]") {
  const Scene scene;
  const std::string run = scene.box.start({"serve"});
  const std::uint16_t port = scene.port();
  scene.go();
  CHECK(scene.address(run) == fmt::format("http://127.0.0.1:{}/", port));

  CHECK_FALSE(listener_at(AF_INET, port));
  if (has_ipv6())
    CHECK_FALSE(socket_at(AF_INET6, port, ::geteuid()));
  scene.box.ok({"stop", run, "-y"});
}

TEST_CASE("ports: what another user has taken since it was ready is not opened", "[security]") {
  if (::geteuid() != 0)
    SKIP("only root can listen as somebody else");
  const Scene scene;
  const auto [run, port] = scene.ready_and_gone();
  const Fd thief = listener_at(AF_INET, port, attacker);
  REQUIRE(thief);

  const std::string why = scene.box.refused({"app", run, "--print"}, 1);

  CHECK(why.find(fmt::format("user 'nobody' listens at its port {} now", port)) !=
        std::string::npos);
  CHECK_FALSE(is_asked(thief));
  scene.box.ok({"stop", run, "-y"});
}

TEST_CASE("ports: a job that fails when its port is taken is given another", "[security]") {
  // It was ready before, so nobody looks at the port until it has failed.
  const Scene scene;
  const auto [run, port] = scene.ready_and_gone();
  const Fd thief = listener_at(AF_INET, port);
  REQUIRE(thief);
  scene.box.file("fail", "");

  CHECK(scene.box.wait(run)["status"] == "done");

  CHECK_FALSE(is_asked(thief));
  const Json job = scene.box.json({"show", run, "--json"})["jobs"][0];
  CHECK(job["attempts"] == 2);
  CHECK(std::any_of(job["history"].begin(), job["history"].end(), [](const Json& entry) {
    return entry["cause"] == "port";
  }));
}

TEST_CASE("ports: a job that fails and has its port for itself is not given another",
          "[security]") {
  const Scene scene;
  const auto [run, port] = scene.ready_and_gone();
  scene.box.file("fail", "");

  CHECK(scene.box.wait(run)["status"] == "failed");

  CHECK(scene.box.json({"show", run, "--json"})["jobs"][0]["cause"] == "exit");
}

TEST_CASE("ports: a message of the job does not say which address is opened", "[security]") {
  const Scene scene;
  scene.box.file(
      "forge.py",
      "import json, os, socket, sys, time\n"
      "box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
      "os.chdir(sys.argv[1])\n"
      "while True:\n"
      "    for url in 'file:///etc/passwd', 'http://192.0.2.1:1@evil.invalid/x', "
      "'http://evil.invalid:80/y?z=1':\n"
      "        box.sendto(('app ' + json.dumps({'job': 0, 'index': 0, 'name': 'evil', 'url': url, "
      "'password': 'p', 'state': 'ready'})).encode(), 'mailbox')\n"
      "    time.sleep(0.2)\n");
  scene.box.workflows(
      "workflows:\n"
      "  - name: forge\n"
      "    provider: bash\n"
      "    ports: 1\n"
      "    workspace: project\n"
      "    commands:\n"
      "      - echo > port-$JOB_PORT_0\n"
      "      - exec python3 forge.py " +
      (scene.box.home() / "runs").string() + "/$RUN_NAME\n");
  const std::string run = scene.box.start({"forge"});
  const std::uint16_t port = scene.port();

  CHECK(scene.address(run).starts_with(fmt::format("http://127.0.0.1:{}/", port)));

  const Json app = scene.box.json({"app", run, "--json"})[0];
  CHECK(app["name"] == "port 0");
  CHECK(app["password"].is_null());
  scene.box.ok({"stop", run, "-y"});
}
