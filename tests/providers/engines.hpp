// The container engines that cmake/engine.sh started for the tests, and a look at what is in them.
#pragma once

#include "dstack/backend/container_engine.hpp"
#include "dstack/base/file.hpp"
#include "support/job_log.hpp"
#include "support/sandbox.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <unistd.h>

namespace dstack::test {

struct TestEngine {
  std::string name;
  std::string socket;
};

/// The engines' folder, and what cmake/engine.sh said when it could not start one.
inline std::string why_no_engine(const std::string& name) {
  const auto reason = read_file(Path(DSTACK_ENGINES) / (name + ".reason"));
  return reason && !reason->empty() ? *reason : name + " was not started: run the tests with ctest";
}

inline std::vector<TestEngine> test_engines() {
  std::vector<TestEngine> engines;
  for (const std::string name : {"docker", "podman"}) {
    const std::string socket = std::string(DSTACK_ENGINES) + "/" + name + "/" + name + ".sock";
    if (::access(socket.c_str(), R_OK | W_OK) == 0)
      engines.push_back({name, socket});
  }
  return engines;
}

inline backend::Engine engine_at(const std::string& socket) {
  auto engine = backend::Engine::open({"", socket, ""});
  if (!engine)
    FAIL(render(engine.error()));
  return *std::move(engine);
}

/// The containers of a run, running or not, as the engine tells them.
inline Json containers_of(const std::string& socket, const std::string& run) {
  const Json filter = {{"label", {"dstack.run=" + run}}};
  const auto list = engine_at(socket).ask(
      "GET", "/containers/json?all=1&filters=" + http::encode(render_json(filter)));
  if (!list)
    FAIL(render(list.error()));
  return *list;
}

/// A project whose engine is the given one.
class EngineBox : public Sandbox {
 public:
  explicit EngineBox(const TestEngine& engine) : socket_(engine.socket) {
    set("DOCKER_HOST=unix://" + engine.socket);
    set("CONTAINERS_CONF=");
  }

  const std::string& socket() const { return socket_; }

  /// A workflow `w` with these further lines.
  void workflow(const std::string& lines, const std::string& image = "local/busybox:1") const {
    workflows("workflows:\n  - name: w\n    provider: docker\n    image: " + image + "\n" + lines);
  }

  void settings(const std::string& text) const {
    REQUIRE(make_folders(home()));
    REQUIRE(write_file_atomically(home() / "config.yaml", text, Durable::no));
  }

  Json last_job() const { return json({"show", last_run(), "--json"})["jobs"][0]; }

  bool no_container_left() const { return containers_of(socket_, last_run()).empty(); }

 private:
  std::string socket_;
};

}  // namespace dstack::test

/// Runs the rest of the test case with each engine; skips it where there is none.
#define FOR_EACH_ENGINE(engine)                                                             \
  const auto all_engines_ = dstack::test::test_engines();                                   \
  if (all_engines_.empty())                                                                 \
    SKIP("no container engine could be started: " + dstack::test::why_no_engine("docker")); \
  for (const dstack::test::TestEngine& engine : all_engines_)
