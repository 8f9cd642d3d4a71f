// Timeouts, retries and ports of jobs that are alone.
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// Fails until it has been started `times` times; counts in a file outside of its workspace.
std::string fails_until(const Sandbox& box, int times) {
  const std::string count = (box.root() / "count").string();
  return "echo begun >> " + count + "; n=$(wc -l < " + count + "); echo \"try $n\"; test $n -ge " +
         std::to_string(times) + " || exit 3";
}

}  // namespace

TEST_CASE("a job that takes longer than its timeout fails for that, whatever it says itself") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    timeout: 1s
    commands: ["trap 'echo told; exit 0' TERM; echo begun; while true; do sleep 0.05; done"]
)");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 124);
  CHECK(output.out.find("told\n") != std::string::npos);
  CHECK(output.err.find("it took longer than its timeout of 1.0s") != std::string::npos);
  const Json run = box.json({"show", box.last_run(), "--json"});
  CHECK(run["jobs"][0]["status"] == "failed");
  CHECK(run["jobs"][0]["cause"] == "timeout");
  CHECK(run["jobs"][0]["attempts"] == 1);
}

TEST_CASE("a job that ignores its timeout is killed after the grace, with all it started") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "stop_grace: 1s\n", Durable::no));
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    timeout: 1
    commands: ["trap '' TERM; (setsid sleep 1001 &); while true; do sleep 0.05; done"]
)");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 124);
  const Json job = box.json({"show", box.last_run(), "--json"})["jobs"][0];
  CHECK(job["cause"] == "timeout");
  CHECK(job["signal"] == SIGKILL);
  CHECK(process::with_environment("JOB_ID", job["job"].get<std::string>()).empty());
}

TEST_CASE("a job that ends in time is not touched by its timeout") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, timeout: 1h30m, commands: [\"echo well\"]}\n");
  CHECK(box.ok({"run", "w"}) == "well\n");
}

TEST_CASE("a job is tried again in a fresh workspace until it succeeds, with one log and one id") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    retry: 5\n    artifacts: [out]\n"
      "    commands:\n      - test ! -e out; mkdir out; echo \"$JOB_ID\"\n      - " +
      fails_until(box, 3) +
      "\n      - echo good > out/x\n  - {name: next, provider: bash, depends-on: [w], "
      "commands: [cat out/x]}\n");

  box.ok({"run", "next"});

  const std::string name = box.last_run();
  const Json run = box.json({"show", name, "--json"});
  INFO(render_json_pretty(run));
  CHECK(run["status"] == "done");
  const Json& job = run["jobs"][0];
  CHECK(job["attempts"] == 3);
  CHECK(job["exit_code"] == 0);
  CHECK(job["cause"].is_null());
  CHECK(Sandbox::statuses(job) ==
        std::vector<std::string>{
            "submitted", "running", "queued", "running", "queued", "running", "uploading", "done"});
  CHECK(job["history"][2]["cause"] == "exit");
  const std::string id = job["job"].get<std::string>() + "\n";
  CHECK(box.ok({"logs", name, "w"}) == id + "try 1\ndstack: attempt 2 of 6\n" + id +
                                           "try 2\ndstack: attempt 3 of 6\n" + id + "try 3\n");
  CHECK(box.ok({"logs", name, "next"}) == "good\n");
}

TEST_CASE("a job that fails each time has failed as it did last, and its dependents are skipped") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    retry: 2\n    commands:\n      - " +
      fails_until(box, 100) +
      "\n  - {name: next, provider: bash, depends-on: [w], commands: [\"true\"]}\n");
  const auto output = box.run({"run", "next"});
  CHECK(Sandbox::code(output) == 3);
  const Json run = box.json({"show", box.last_run(), "--json"});
  CHECK(run["jobs"][0]["status"] == "failed");
  CHECK(run["jobs"][0]["attempts"] == 3);
  CHECK(run["jobs"][1]["status"] == "skipped");
  CHECK(run["jobs"][1]["attempts"] == 0);
}

TEST_CASE("each attempt has the whole timeout") {
  const Sandbox box;
  const std::string mark = (box.root() / "mark").string();
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    retry: 1\n    timeout: 2s\n"
      "    commands: [\"if test -e " +
      mark + "; then sleep 1; else touch " + mark + "; sleep 1000; fi\"]\n");
  box.ok({"run", "w"});
  const Json job = box.json({"show", box.last_run(), "--json"})["jobs"][0];
  CHECK(job["status"] == "done");
  CHECK(job["attempts"] == 2);
  CHECK(job["history"][2]["cause"] == "timeout");
}

TEST_CASE("what cannot start is not tried again") {
  const Sandbox box;
  box.file("not-a-program.sh", "");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: not-a-program.sh, retry: 3, "
      "environment: {PATH: /nowhere}, setup: [\"true\"]}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 125);
  const Json job = box.json({"show", box.last_run(), "--json"})["jobs"][0];
  CHECK(job["cause"] == "start");
  CHECK(job["attempts"] == 1);
}

TEST_CASE("a stop ends a job that would be tried again") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, retry: 100, "
      "commands: [\"trap 'exit 3' TERM; echo ready; while true; do sleep 0.05; done\"]}\n");
  const std::string name = box.start({"w"});
  test::wait_for_log(box, name, "ready\n");
  box.ok({"stop", name, "-y"});
  const Json run = box.json({"show", name, "--json"});
  CHECK(run["status"] == "stopped");
  CHECK(run["jobs"][0]["attempts"] == 1);
}

TEST_CASE("a runner that is killed makes its job be tried again") {
  const Sandbox box;
  const std::string mark = (box.root() / "mark").string();
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    retry: 1\n    commands: [\"if test -e " +
      mark + "; then echo second; else touch " + mark + "; echo ready; sleep 1003; fi\"]\n");
  const std::string name = box.start({"w"});
  test::wait_for_log(box, name, "ready\n");
  REQUIRE(test::kill_process_of(test::job_folder(box, name) / "wrapper"));

  const Json run = box.wait(name);

  CHECK(run["status"] == "done");
  CHECK(run["jobs"][0]["attempts"] == 2);
  CHECK(run["jobs"][0]["history"][2]["cause"] == "lost");
  CHECK(box.ok({"logs", name}) == "ready\ndstack: attempt 2 of 2\nsecond\n");
}

TEST_CASE("a job with ports can listen at each of them, and others reach it there") {
  const Sandbox box;
  box.file("serve.py", R"(import os, socket
ports = [int(os.environ[f"JOB_PORT_{i}"]) for i in range(3)]
assert [os.environ[f"PORT_{i}"] for i in range(3)] == [str(port) for port in ports]
assert len(set(ports)) == 3
for port in ports:
    server = socket.create_server(("", port))
    socket.create_connection((os.environ["JOB_HOSTNAME"], port)).close()
print("reached")
)");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, ports: 3, commands: [python3 serve.py]}\n");
  CHECK(box.ok({"run", "w"}) == "reached\n");
}
