// Plain jobs that one runner carries out, one after the other: nothing of one is found by the next,
// and whatever is unusual has a runner of its own.
#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/secrets.hpp"
#include "support/wait.hpp"

#include <set>

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A workflow in a line; `more` are further properties, with a comma at the end.
std::string workflow(const std::string& name, const std::string& command, const std::string& more) {
  return "  - {name: " + name + ", provider: bash, " + more + "commands: ['" + command + "']}\n";
}

/// Its job begins when that of `before` is over.
std::string after(const std::string& before, const std::string& more = {}) {
  return "depends-on: [" + before + "], " + more;
}

/// What a job has said without the newline at the end: in most of these tests the number of its
/// runner.
std::string said(const Sandbox& box, const std::string& run, const std::string& name) {
  return std::string(trim(box.ok({"logs", run, name})));
}

constexpr const char* say_runner = "echo $PPID";

bool is_alive(const std::string& pid) {
  const auto number = parse_number<pid_t>(pid);
  REQUIRE(number);
  return process::identity_of(*number).has_value();
}

}  // namespace

TEST_CASE("plain jobs share a runner, each with a log, a record and an attempt of its own") {
  const Sandbox box;
  box.workflows(
      "workflows:\n" + workflow("a", "echo $PPID; mkdir o; echo a > o/f", "artifacts: [o], ") +
      workflow("b", say_runner, after("a")) + workflow("c", "echo $PPID; exit 3", after("b")));
  const auto output = box.run({"run", "c"});
  CHECK(Sandbox::code(output) == 3);
  const std::string run = box.last_run();
  CHECK(said(box, run, "a") == said(box, run, "b"));
  CHECK(said(box, run, "b") == said(box, run, "c"));
  const Json jobs = box.json({"show", run, "--json"})["jobs"];
  CHECK(jobs[0]["exit_code"] == 0);
  CHECK(jobs[2]["exit_code"] == 3);
  for (std::size_t job = 0; job < 3; ++job)
    CHECK(fs::exists(test::job_folder(box, run, job) / run::file_names::exit_record));
}

TEST_CASE("a list of processes says which job a runner carries out") {
  const Sandbox box;
  const std::string say_words = R"(tr "\0" " " < /proc/$PPID/cmdline)";
  box.workflows("workflows:\n" + workflow("a", say_words, "") +
                workflow("b", say_words, after("a")));
  box.ok({"run", "b"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "a") == "dstack exec " + run + "/0");
  CHECK(said(box, run, "b") == "dstack exec " + run + "/1");
}

TEST_CASE("as many runners as jobs at a time, and no more") {
  const Sandbox box;
  std::string text = "workflows:\n";
  std::string names;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    text += workflow(name, say_runner, "");
    names += std::string(names.empty() ? "" : ", ") + name;
  }
  box.workflows(text + workflow("all", say_runner, after(names)));
  box.ok({"run", "-j", "2", "all"});
  const std::string run = box.last_run();
  std::set<std::string> runners;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "all"})
    runners.insert(said(box, run, name));
  CHECK(runners.size() <= 2);
}

TEST_CASE("a runner that is killed loses one job, and those after it get another") {
  const Sandbox box;
  const std::string number = (box.root() / "number").string();
  box.workflows(
      "workflows:\n" + workflow("a", say_runner, "") +
      workflow("b", "echo $PPID > " + number + "; kill -KILL $PPID; sleep 1001", after("a")) +
      workflow("c", say_runner, after("a")) + workflow("d", say_runner, after("c")) +
      workflow("all", "true", after("b, d")));
  CHECK(Sandbox::code(box.run({"run", "-j", "1", "all"})) != 0);
  const std::string run = box.last_run();
  const Json jobs = box.json({"show", run, "--json"})["jobs"];
  std::size_t lost = 0;
  for (const Json& job : jobs)
    lost += job["cause"] == "lost" ? 1u : 0u;
  CHECK(lost == 1);
  CHECK(jobs[1]["cause"] == "lost");
  CHECK(trim(*read_file(number)) == said(box, run, "a"));
  CHECK(said(box, run, "c") != said(box, run, "a"));
  CHECK(said(box, run, "d") == said(box, run, "c"));
}

TEST_CASE("a runner that is killed or asked to end between two jobs costs none of them") {
  const std::string signal = GENERATE("KILL", "TERM");
  const Sandbox box;
  // The middle one has ports, and so a runner of its own.
  const std::string number = (box.root() / "number").string();
  const std::string end_it = "r=$(cat " + number + "); kill -" + signal +
                             " $r; while [ -e /proc/$r/exe ]; do sleep 0.01; done; echo $r";
  box.workflows("workflows:\n" + workflow("a", "echo $PPID | tee " + number, "") +
                workflow("b", end_it, after("a", "ports: 1, ")) +
                workflow("c", say_runner, after("b")));
  box.ok({"run", "c"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "a") == said(box, run, "b"));
  CHECK(said(box, run, "c") != said(box, run, "a"));
}

TEST_CASE("what a job left running is ended before the next begins in its runner") {
  const Sandbox box;
  const std::string number = (box.root() / "number").string();
  box.workflows(
      "workflows:\n" +
      workflow("a",
               "setsid -f sh -c \"echo \\$\\$ > " + number + "; exec sleep 1001\"; until [ -s " +
                   number + " ]; do sleep 0.01; done; echo $PPID",
               "") +
      workflow("b",
               "if kill -0 $(cat " + number + "); then echo alive; fi 2> /dev/null; echo $PPID",
               after("a")));
  box.ok({"run", "b"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "a") == said(box, run, "b"));
}

TEST_CASE("a job finds nothing of the one before it in its process") {
  const Sandbox box;
  // Descriptors, signals, modes, limits, processors, place, variables: all that a process inherits.
  const std::string look =
      "ls -l /proc/$$/fd | grep -v -e pipe: -e total | sed \"s/.* \\([0-9]* ->\\)/\\1/\"; "
      "grep -e ^Sig[PBI] -e ^Shd -e ^Cpus_allowed_list -e ^NoNewPrivs /proc/self/status; umask; "
      "ulimit -a; nice; cat /proc/$$/oom_score_adj; "
      "env | grep -v -e JOB_ID -e ^PWD -e WORKFLOW -e ^DSTACK_JOB -e ^DSTACK_METRICS -e ^_= | sort; "
      "ps -o pgid=,sid= -p $$ | grep -c \"^ *$$ *$$\"; ls -A";
  const std::string change =
      "umask 077; ulimit -n 50; ulimit -c 0; export LEFT=over; trap \"\" USR1 HUP; cd /; "
      "exec 7< /etc/passwd; renice -n 19 $$ > /dev/null; echo $PPID";
  box.workflows(
      "workflows:\n" + workflow("first", look, "") + workflow("changes", change, after("first")) +
      workflow("again", look, after("changes")) + workflow("same", say_runner, after("again")));
  box.ok({"run", "same"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "changes") == said(box, run, "same"));
  CHECK(said(box, run, "first") == said(box, run, "again"));
}

TEST_CASE("what a job used of the machine is its own") {
  const Sandbox box;
  box.workflows("workflows:\n" +
                workflow("large",
                         "python3 -c \"b = bytearray(200000000); sum(range(3000000))\"; echo $PPID",
                         "") +
                workflow("small", say_runner, after("large")));
  box.ok({"run", "small"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "large") == said(box, run, "small"));
  const Json jobs = box.json({"show", run, "--json"})["jobs"];
  CHECK(jobs[0]["usage"]["largest_process"].get<std::int64_t>() > 200'000'000);
  CHECK(jobs[1]["usage"]["largest_process"].get<std::int64_t>() < 100'000'000);
}

TEST_CASE("a job that needs something held, made or hidden has a runner of its own") {
  const std::string needs = GENERATE("ports: 1, ", "resources: {cpu: 1}, ", "env_file: vars.env, ");
  CAPTURE(needs);
  const Sandbox box;
  box.file("vars.env", "SOME=value-of-a-variable\n");
  box.workflows("workflows:\n" + workflow("a", say_runner, "") +
                workflow("b", say_runner, after("a", needs)) +
                workflow("c", say_runner, after("b", needs)) +
                workflow("d", say_runner, after("c")));
  box.ok({"run", "d"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "b") != said(box, run, "a"));
  CHECK(said(box, run, "c") != said(box, run, "b"));
  CHECK(said(box, run, "d") == said(box, run, "a"));
}

TEST_CASE("a job with secrets has a runner of its own") {
  const Sandbox box;
  test::add_secret(box, {"TOKEN"}, "a-value-of-a-secret");
  box.workflows("workflows:\n" + workflow("a", say_runner, "") +
                workflow("b", say_runner, after("a")));
  box.ok({"run", "b"});
  const std::string run = box.last_run();
  CHECK(said(box, run, "a") != said(box, run, "b"));
}

TEST_CASE("a job that was stopped, or took too long, takes its runner with it") {
  const Sandbox box;
  box.workflows("workflows:\n" +
                workflow("slow", "echo $PPID; sleep 1001", "timeout: 1s, retry: 1, ") +
                workflow("a", "echo $PPID; echo; sleep 1001", "") + workflow("b", say_runner, "") +
                workflow("all", "true", after("a, b")));
  CHECK(Sandbox::code(box.run({"run", "slow"})) != 0);
  const auto lines = split(trim(box.ok({"logs", box.last_run(), "slow"})), '\n');
  REQUIRE(lines.size() == 3);  // between them the line of the second attempt
  CHECK(lines.front() != lines.back());

  const std::string run = box.start({"-j", "1", "all"});
  test::wait_for_log(box, run, "\n\n");
  box.ok({"stop", run, "a", "-y"});
  box.wait(run);
  CHECK(said(box, run, "a") != said(box, run, "b"));
}

TEST_CASE("a runner that has nothing to do ends, while the run goes on") {
  const Sandbox box;
  const std::string go_on = (box.root() / "go-on").string();
  box.workflows("workflows:\n" + workflow("a", say_runner, "") +
                workflow("b",
                         "echo ready; until [ -e " + go_on + " ]; do sleep 0.05; done",
                         after("a", "ports: 1, ")) +
                workflow("c", say_runner, after("b")));
  const std::string run = box.start({"c"});
  test::wait_for_log(box, run, "ready", 1);
  const std::string runner(trim(test::job_log(box, run, 0)));
  test::wait_until([&] { return !is_alive(runner); });
  REQUIRE(write_file_atomically(go_on, "", Durable::no));
  CHECK(box.wait(run)["status"] == "done");
  CHECK(said(box, run, "c") != runner);
}

TEST_CASE(
    "a supervisor killed while its runner has had other jobs: the job goes on, and is adopted") {
  const Sandbox box;
  const std::string go_on = (box.root() / "go-on").string();
  box.workflows(
      "workflows:\n" + workflow("a", say_runner, "") +
      workflow("b", "echo $PPID; until [ -e " + go_on + " ]; do sleep 0.05; done", after("a")) +
      workflow("c", say_runner, after("b")));
  const std::string run = box.start({"c"});
  test::wait_for_log(box, run, "\n", 1);
  REQUIRE(test::kill_process_of(box.home() / "runs" / run / run::file_names::run_lock));
  REQUIRE(write_file_atomically(go_on, "", Durable::no));
  const Json record = box.wait(run);
  INFO(render_json_pretty(record));
  CHECK(record["status"] == "done");
  CHECK(said(box, run, "a") == said(box, run, "b"));
  CHECK(said(box, run, "c") != said(box, run, "b"));
  test::wait_until([&] { return !is_alive(said(box, run, "b")); });
}
