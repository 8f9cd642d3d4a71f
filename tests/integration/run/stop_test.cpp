#include "dstack/process/identity.hpp"
#include "support/job_log.hpp"
#include "support/sandbox.hpp"

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A workflow whose job says when it is ready, by an output that `logs -f` would show.
std::string ready_then(const std::string& commands) {
  return "workflows:\n  - name: w\n    provider: bash\n    artifacts: [out]\n    commands:\n      "
         "- |\n        mkdir out; " +
         commands + "\n";
}

}  // namespace

TEST_CASE(
    "stop ends the whole tree, also children that left the session, and saves artifacts as "
    "partial") {
  const Sandbox box;
  box.workflows(
      ready_then("echo half > out/x; setsid -f sleep 1001; (setsid sleep 1002 &) ; nohup sleep "
                 "1003 & echo ready; wait"));
  const std::string name = box.start({"w"});
  test::wait_for_log(box, name, "ready");
  const Json before = box.json({"show", name, "--json"});
  const std::string id = before["jobs"][0]["job"].get<std::string>();
  REQUIRE(process::with_environment("JOB_ID", id).size() >= 4);

  box.ok({"stop", name, "-y"});

  CHECK(process::with_environment("JOB_ID", id).empty());
  const Json after = box.json({"show", name, "--json"});
  CHECK(after["status"] == "stopped");
  CHECK(box.json({"artifacts", "list", name, "--json"}).size() == 1);
}

TEST_CASE("a job that ignores TERM is killed after the grace") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "stop_grace: 1s\n", Durable::no));
  box.workflows(ready_then("trap '' TERM; echo ready; while true; do sleep 0.1; done"));
  const std::string name = box.start({"w"});
  test::wait_for_log(box, name, "ready");
  box.ok({"stop", name, "-y"});
  CHECK(box.json({"show", name, "--json"})["status"] == "stopped");
}

TEST_CASE("abort kills at once and saves nothing") {
  const Sandbox box;
  box.workflows(
      ready_then("trap '' TERM; echo x > out/x; echo ready; while true; do sleep 0.1; done"));
  const std::string name = box.start({"w"});
  test::wait_for_log(box, name, "ready");
  box.ok({"stop", name, "--abort", "-y"});
  CHECK(box.json({"show", name, "--json"})["status"] == "aborted");
  CHECK(box.json({"artifacts", "list", name, "--json"}).empty());
}

TEST_CASE("a job may clean up when it is stopped") {
  const Sandbox box;
  box.workflows(
      ready_then("trap 'echo saved > out/checkpoint; exit 0' TERM; echo ready; while true; do "
                 "sleep 0.05; done"));
  const std::string name = box.start({"w"});
  test::wait_for_log(box, name, "ready");
  box.ok({"stop", name, "-y"});
  box.ok({"artifacts", "download", name, "-o", (box.root() / "got").string()});
  CHECK(*read_file(box.root() / "got" / "out" / "checkpoint") == "saved\n");
}

TEST_CASE("a finished run cannot be stopped") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "w"});
  const std::string name = box.last_run();
  const auto output = box.run({"stop", name, "-y"});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.err.find(name) != std::string::npos);
}

TEST_CASE("SIGTERM of a command that follows stops the run gracefully and ends it with 143") {
  const Sandbox box;
  box.workflows(ready_then("echo ready; sleep 1000"));
  auto pipe = make_pipe();
  REQUIRE(pipe);
  process::Command command = box.command({"run", "w"});
  command.descriptors = {{1, pipe->write_end.get()}};
  auto child = process::spawn(command);
  REQUIRE(child);
  pipe->write_end.reset();
  std::string seen(6, '\0');
  REQUIRE(read_some(pipe->read_end.get(), seen.data(), 6).value() == 6);
  CHECK(seen == "ready\n");

  child->signal(SIGTERM);

  CHECK(process::render(child->wait()) == "exit code 143");
  CHECK(box.json({"ps", "-a", "--json"})[0]["status"] == "stopped");
}

TEST_CASE("closing the terminal leaves the run alone") {
  const Sandbox box;
  const std::string go = (box.root() / "go").string();
  box.workflows(ready_then("echo ready; until test -e " + go + "; do sleep 0.01; done"));
  auto pipe = make_pipe();
  REQUIRE(pipe);
  process::Command command = box.command({"run", "w"});
  command.descriptors = {{1, pipe->write_end.get()}};
  auto child = process::spawn(command);
  REQUIRE(child);
  pipe->write_end.reset();
  std::string seen(6, '\0');
  REQUIRE(read_some(pipe->read_end.get(), seen.data(), 6).value() == 6);

  child->signal(SIGHUP);
  child->wait();

  const std::string name = box.json({"ps", "--json"})[0]["run"].get<std::string>();
  REQUIRE(write_file_atomically(go, "", Durable::no));
  CHECK(box.wait(name)["status"] == "done");
}
