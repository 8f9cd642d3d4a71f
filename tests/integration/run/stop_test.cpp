#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "support/job_log.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <algorithm>

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::holds;
using dstack::test::Sandbox;

namespace {

/// A workflow whose job says when it is ready, by an output that `logs -f` would show.
std::string ready_then(const std::string& commands) {
  return "workflows:\n  - name: w\n    provider: bash\n    artifacts: [out]\n    commands:\n      "
         "- |\n        mkdir out; " +
         commands + "\n";
}

/// A project in the code whose build says so in the file `building`, and goes on until somebody
/// ends it. With what it does before, in Python.
void add_endless_package(const Sandbox& box, const std::string& before) {
  box.file("slow/pyproject.toml",
           "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"
           "[project]\nname = \"slow\"\nversion = \"1.0\"\n");
  box.file("slow/backend.py",
           "import os, signal, subprocess, time\n\n"
           "def build_wheel(folder, settings=None, metadata=None):\n    " +
               before + "\n    child = subprocess.Popen(['sleep', '1000'])\n    open('" +
               (box.root() / "building").string() +
               "', 'w').write('%d %d' % (os.getpid(), child.pid))\n    time.sleep(1000)\n");
  box.file("r.txt", "./slow\n");
  box.file("m.py", "print('the job runs')\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: m.py, requirements: r.txt, artifacts: "
      "[{path: out, optional: true}]}\n");
}

/// The processes of the build, once it goes on.
std::vector<pid_t> wait_for_build(const Sandbox& box, const std::string& run) {
  std::vector<pid_t> pids;
  test::wait_until([&] {
    const bool over = test::has_ended(box, run);
    const auto text = read_file(box.root() / "building");
    if (!text && over)
      FAIL(test::job_log(box, run));
    for (const std::string_view word : split(text.value_or(""), ' '))
      if (const auto pid = parse_number<pid_t>(word))
        pids.push_back(*pid);
    return pids.size() == 2;
  });
  return pids;
}

/// What is in the environments, but for the caches of the installers.
std::vector<std::string> unfinished_environments(const Sandbox& box) {
  std::vector<std::string> names;
  boost::system::error_code error;
  for (fs::directory_iterator entry(box.home() / "environments", error), end;
       !error && entry != end;
       entry.increment(error))
    if (const std::string name = entry->path().filename().string();
        name.size() >= 32 && !name.ends_with(".lock") && !name.ends_with(".log"))
      names.push_back(name);
  return names;
}

bool none_is_alive(const std::vector<pid_t>& pids) {
  return std::none_of(
      pids.begin(), pids.end(), [](pid_t pid) { return process::identity_of(pid).has_value(); });
}

}  // namespace

TEST_CASE("a stop while a package of the job's environment is built ends that, with all of it") {
  for (const std::string abort : {"", "--abort"}) {
    const Sandbox box;
    add_endless_package(box, "pass");
    const std::string run = box.start({"w"});
    const auto pids = wait_for_build(box, run);

    abort.empty() ? box.ok({"stop", run, "-y"}) : box.ok({"stop", run, "-y", abort});

    CHECK(none_is_alive(pids));
    CHECK(unfinished_environments(box).empty());
    const Json job = box.json({"show", run, "--json"})["jobs"][0];
    CHECK(job["status"] == (abort.empty() ? "stopped" : "aborted"));
    CHECK(job["cause"].is_null());
    CHECK_FALSE(holds(test::job_log(box, run), "the job runs"));
  }
}

TEST_CASE("a build that ignores TERM, in a session of its own, is killed after the grace") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "stop_grace: 1s\n", Durable::no));
  add_endless_package(box,
                      "os.setsid() if os.getsid(0) != os.getpid() else None\n    "
                      "signal.signal(signal.SIGTERM, signal.SIG_IGN)");
  const std::string run = box.start({"w"});
  const auto pids = wait_for_build(box, run);
  box.ok({"stop", run, "-y"});
  CHECK(none_is_alive(pids));
  CHECK(unfinished_environments(box).empty());
  CHECK(box.json({"show", run, "--json"})["status"] == "stopped");
}

TEST_CASE("a run that waits for the environment of another can be stopped, and the other goes on") {
  const Sandbox box;
  add_endless_package(box, "pass");
  const std::string first = box.start({"w"});
  const auto pids = wait_for_build(box, first);
  const std::string second = box.start({"w"});
  test::wait_for_log(box, second, "waiting for another job");
  box.ok({"stop", second, "-y"});
  CHECK(box.json({"show", second, "--json"})["status"] == "stopped");
  CHECK(process::identity_of(pids.front()));
  CHECK(box.json({"show", first, "--json"})["status"] == "preparing");
}

TEST_CASE("SIGINT of a command that follows stops a run that makes its environment") {
  const Sandbox box;
  add_endless_package(box, "pass");
  auto child = process::spawn(box.command({"run", "w"}));
  REQUIRE(child);
  std::string run;
  test::wait_until([&] {
    const Json runs = box.json({"ps", "-a", "--json"});
    if (!runs.empty())
      run = runs[0]["run"].get<std::string>();
    return !run.empty();
  });
  const auto pids = wait_for_build(box, run);
  child->signal(SIGINT);
  CHECK(process::render(child->wait()) == "exit code 130");
  CHECK(none_is_alive(pids));
  CHECK(box.json({"show", run, "--json"})["status"] == "stopped");
}

TEST_CASE("a stopped pipeline keeps all that its first program still says") {
  const Sandbox box;
  box.workflows(
      ready_then("(trap 'sleep 0.3; echo saved; exit 0' TERM; echo ready; while true; do sleep "
                 "0.05; done) | tee out/log"));
  const std::string run = box.start({"w"});
  test::wait_for_log(box, run, "ready");
  box.ok({"stop", run, "-y"});
  CHECK(box.json({"show", run, "--json"})["status"] == "stopped");
  box.ok({"artifacts", "download", run, "-o", (box.root() / "got").string()});
  CHECK(*read_file(box.root() / "got/out/log") == "ready\nsaved\n");
  CHECK(holds(test::job_log(box, run), "saved"));
}

TEST_CASE("a reader whose writer has gone is asked to stop like any other") {
  const Sandbox box;
  box.workflows(
      ready_then("echo x | (trap 'echo saved > out/x; exit 0' TERM; echo ready; while true; do "
                 "sleep 0.05; done)"));
  const std::string run = box.start({"w"});
  test::wait_for_log(box, run, "ready");
  box.ok({"stop", run, "-y"});
  box.ok({"artifacts", "download", run, "-o", (box.root() / "got").string()});
  CHECK(*read_file(box.root() / "got/out/x") == "saved\n");
}

TEST_CASE("a job is asked to stop by its own signal, and then its shell starts nothing more") {
  const Sandbox box;
  for (const std::string signal : {"INT", "QUIT", "USR1", "HUP"}) {
    INFO(signal);
    box.file("train.sh",
             "trap 'sleep 0.3; echo saved > out/x; exit 0' " + signal +
                 "\ntrap 'echo wrong > out/x; exit 0' TERM\nmkdir -p out\necho ready\nwhile "
                 "true; do sleep 0.05; done\n");
    box.workflows("workflows:\n  - {name: w, provider: bash, artifacts: [out], stop_signal: sig" +
                  signal + ", commands: [bash train.sh, echo next > out/next]}\n");
    const std::string run = box.start({"w"});
    test::wait_for_log(box, run, "ready");
    box.ok({"stop", run, "-y"});
    const Json job = box.json({"show", run, "--json"})["jobs"][0];
    CHECK(job["status"] == "stopped");
    CHECK(job["stop_signal"] == signal);
    const Path got = box.root() / signal;
    box.ok({"artifacts", "download", run, "-o", got.string()});
    CHECK(*read_file(got / "out/x") == "saved\n");
    CHECK_FALSE(fs::exists(got / "out/next"));
  }
}

TEST_CASE("a job whose process is killed from outside has failed by that signal") {
  const Sandbox box;
  box.workflows(ready_then("echo $$ > pid; echo ready $$; sleep 1000"));
  const std::string run = box.start({"w"});
  test::wait_for_log(box, run, "ready");
  const std::string log = test::job_log(box, run);
  const auto pid = parse_number<pid_t>(trim(log.substr(log.find("ready ") + 6)));
  REQUIRE(pid);
  REQUIRE(::kill(*pid, SIGKILL) == 0);
  const Json job = box.wait(run)["jobs"][0];
  CHECK(job["status"] == "failed");
  CHECK(job["cause"] == "signal");
  CHECK(job["signal"] == SIGKILL);
}

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

TEST_CASE("a run that has ended needs no stop, and it is said how it ended") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "w"});
  const std::string name = box.last_run();
  for (const char* how : {"-y", "-x"}) {
    const auto output = box.run({"stop", name, how});
    CHECK(Sandbox::code(output) == 0);
    CHECK(output.err == name + " done\n");
  }
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
