// SIGKILL of the command line, of the supervisor and of a runner, at moments all over a run's
// life.
#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

constexpr int times = 50;

/// Writes numbered lines for a while, ends with 0, and has a dependent that checks what it left.
constexpr const char* two_workflows = R"(workflows:
  - name: first
    provider: bash
    artifacts: [out]
    commands:
      - mkdir out
      - for i in $(seq 1 40); do echo "line $i"; sleep 0.005; done
      - echo complete > out/result
  - name: second
    provider: bash
    depends-on: [first]
    commands: [cat out/result]
)";

std::string expected_log() {
  std::string log;
  for (int i = 1; i <= 40; ++i)
    log += "line " + std::to_string(i) + "\n";
  return log;
}

void check_whole(const Sandbox& box, const std::string& name) {
  const Json run = box.wait(name);
  INFO(render_json_pretty(run));
  CHECK(run["status"] == "done");
  for (const Json& job : run["jobs"])
    CHECK(job["exit_code"] == 0);
  CHECK(box.ok({"logs", name, "first"}) == expected_log());
  CHECK(box.ok({"logs", name, "second"}) == "complete\n");
}

}  // namespace

TEST_CASE(
    "a supervisor killed at any moment loses neither job nor line nor exit code, and dependents "
    "still run") {
  const Sandbox box;
  box.workflows(two_workflows);
  for (int i = 0; i < times; ++i) {
    const std::string name = box.start({"second"});
    // From before the first line to after the second job.
    test::let_pass(std::chrono::milliseconds(i * 8));
    test::kill_process_of(box.home() / "runs" / name / run::file_names::run_lock);
    check_whole(box, name);
  }
}

TEST_CASE("a supervisor killed at any moment neither forgets an attempt nor makes one too many") {
  const Sandbox box;
  const std::string count = (box.root() / "$RUN_NAME").string();
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    retry: 2\n    commands:\n"
      "      - echo begun >> " +
      count + "; n=$(wc -l < " + count + "); sleep 0.03; echo \"try $n\"; test $n -ge 3\n");
  for (int i = 0; i < times; ++i) {
    const std::string name = box.start({"w"});
    test::let_pass(std::chrono::milliseconds(i * 5));
    test::kill_process_of(box.home() / "runs" / name / run::file_names::run_lock);
    const Json run = box.wait(name);
    INFO(render_json_pretty(run));
    CHECK(run["status"] == "done");
    CHECK(run["jobs"][0]["attempts"] == 3);
    CHECK(box.ok({"logs", name}) ==
          "try 1\ndstack: attempt 2 of 3\ntry 2\ndstack: attempt 3 of 3\ntry 3\n");
  }
}

TEST_CASE("a tag that a run is to move is moved also by a later supervisor") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: w, provider: bash, commands: ["echo begun", "until [ -e $TURNSTILE ]; do sleep 0.01; done"]}
)");
  const Path turnstile = box.root() / "turnstile";
  const std::string variable = "TURNSTILE=" + turnstile.string();
  REQUIRE(write_file_atomically(turnstile, "", Durable::no));
  box.ok({"run", "w", "-e", variable, "-t", "latest"});
  fs::remove(turnstile);
  const std::string name = box.start({"w", "-e", variable, "-t", "latest", "--force"});
  test::wait_for_log(box, name, "begun");
  test::kill_process_of(box.home() / "runs" / name / run::file_names::run_lock);
  REQUIRE(write_file_atomically(turnstile, "", Durable::no));
  CHECK(box.wait(name)["status"] == "done");
  CHECK(box.json({"tags", "list", "--json"})[0]["run"] == name);
}

TEST_CASE("a command line killed at any moment after the run has a name loses nothing") {
  const Sandbox box;
  box.workflows(two_workflows);
  for (int i = 0; i < times; ++i) {
    auto child = process::spawn(box.command({"run", "second"}));
    REQUIRE(child);
    test::let_pass(std::chrono::milliseconds(i * 8));
    child->signal(SIGKILL);
    child->wait();
    const Json runs = box.json({"ps", "-n", "1", "--json"});
    if (!runs.empty())
      check_whole(box, runs[0]["run"].get<std::string>());
  }
}

TEST_CASE("a runner that is killed makes its job lost, and nothing of the job lives on") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: w, provider: bash, commands: ["setsid -f sleep 1001; echo ready; sleep 1002"]}
  - {name: next, provider: bash, depends-on: [w], commands: ["echo never"]}
)");
  const std::string name = box.start({"next"});
  const Path folder = box.home() / "runs" / name / "0";
  test::wait_for_log(box, name, "ready\n");
  const std::string id = box.json({"show", name, "--json"})["jobs"][0]["job"].get<std::string>();

  REQUIRE(test::kill_process_of(folder / run::file_names::runner));

  const Json run = box.wait(name);
  CHECK(run["status"] == "failed");
  CHECK(run["jobs"][0]["cause"] == "lost");
  CHECK(run["jobs"][1]["status"] == "skipped");
  CHECK(process::with_environment("JOB_ID", id).empty());
}

TEST_CASE("everything of a run killed at once is never shown as running") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo ready; sleep 1002\"]}\n");
  const std::string name = box.start({"w"});
  const Path folder = box.home() / "runs" / name / "0";
  test::wait_for_log(box, name, "ready\n");
  test::kill_process_of(box.home() / "runs" / name / run::file_names::run_lock);
  REQUIRE(test::kill_process_of(folder / run::file_names::runner));

  const Json run = box.wait(name);
  CHECK(run["status"] == "failed");
  CHECK(run["jobs"][0]["cause"] == "lost");
}

TEST_CASE("a run whose supervisor cannot run is given up with the reason, not watched for ever") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"while true; do sleep 0.05; "
      "done\"]}\n");
  const std::string name = box.start({"w"});
  const Path folder = box.home() / "runs" / name;
  // One that has not said yet who it is would be missed, and live on.
  test::wait_until(
      [&] { return !read_file(folder / run::file_names::run_lock).value_or("").empty(); });
  test::kill_process_of(folder / run::file_names::run_lock);
  REQUIRE(remove_tree(folder / "mailbox"));
  REQUIRE(make_folders(folder / "mailbox"));

  const auto followed = box.run({"logs", "-f", name});

  INFO(followed.err);
  CHECK_FALSE(process::succeeded(followed.status));
  CHECK(followed.err.find("run '" + name + "' cannot go on") != std::string::npos);
  CHECK(followed.err.find("cannot make a socket") != std::string::npos);
  REQUIRE(remove_tree(folder / "mailbox"));
}
