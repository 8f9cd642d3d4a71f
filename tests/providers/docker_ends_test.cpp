// How jobs of the provider `docker` end: by themselves, stopped, aborted, killed, out of memory;
// and what is left then. Each case runs with Docker and with Podman.
#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "engines.hpp"

#include <fcntl.h>
#include <signal.h>

using namespace dstack;
using dstack::test::containers_of;
using dstack::test::EngineBox;
using dstack::test::holds;
using dstack::test::Sandbox;
using dstack::test::wait_for_log;

namespace {

/// A Docker Engine for one test case alone.
struct OwnEngine {
  TemporaryFolder folder = *TemporaryFolder::make("/tmp", "dstack-engine-");
  test::TestEngine engine = {"docker", (folder.path() / "docker.sock").string()};
  std::string why_not = script("docker");

  OwnEngine() = default;
  OwnEngine(const OwnEngine&) = delete;
  OwnEngine& operator=(const OwnEngine&) = delete;

  ~OwnEngine() { (void)script("stop"); }

  /// What cmake/engine.sh says; empty when it did its work.
  std::string script(const std::string& word) const {
    process::Command command;
    command.argv = {"sh", DSTACK_SOURCE_DIR "/cmake/engine.sh", word, folder.path().string()};
    auto output = process::run(std::move(command));
    return output && process::succeeded(output->status) ? std::string() : output->out;
  }
};

/// By somebody else.
void check_was_killed(const Json& run) {
  const Json& job = run["jobs"][0];
  INFO(job.dump());
  CHECK(job["status"] == "failed");
  CHECK(job["cause"] == "signal");
  CHECK(job["signal"] == SIGKILL);
}

/// The container was ended by the end of its engine: by a signal (which an engine may report as
/// 137), or the engine says what became of it.
void check_failed_with_reason(const Json& run) {
  const Json& job = run["jobs"][0];
  INFO(job.dump());
  CHECK(job["status"] == "failed");
  CHECK((job["signal"].is_number() || job["exit_code"] == 128 + SIGKILL ||
         job["reason"].is_string()));
}

}  // namespace

TEST_CASE("docker: exit codes and signals of the program are those of the job") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    CHECK(Sandbox::code(box.run({"run", "docker", "-c", "exit 137", "local/busybox:1"})) == 137);
    Json job = box.last_job();
    CHECK(job["cause"] == "exit");
    CHECK(job["exit_code"] == 137);
    CHECK(Sandbox::code(box.run({"run", "docker", "-c", "kill -SEGV $$", "local/busybox:1"})) ==
          128 + SIGSEGV);
    job = box.last_job();
    CHECK(job["cause"] == "signal");
    CHECK(job["signal"] == SIGSEGV);
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: a stop is TERM to every process, and what the job then saves is kept") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(R"(    commands:
      - "trap 'echo saved > out/x; exit 0' TERM"
      - mkdir out; echo ready
      - while :; do sleep 1000; done
    artifacts: [out]
)");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready");
    box.ok({"stop", run, "-y"});
    const Json shown = box.wait(run);
    CHECK(shown["status"] == "stopped");
    CHECK(box.no_container_left());
    box.ok({"artifacts", "download", run, "-o", (box.root() / "got").string()});
    CHECK(read_file(box.root() / "got/out/x").value_or("") == "saved\n");
  }
}

TEST_CASE("docker: a pipeline that is stopped by the job's own signal keeps all that it says") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(R"(    stop_signal: SIGINT
    commands:
      - mkdir out
      - "(trap 'sleep 0.3; echo saved; exit 0' INT; trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done) | tee out/log"
      - echo next > out/next
    artifacts: [out]
)");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready");
    box.ok({"stop", run, "-y"});
    CHECK(box.wait(run)["status"] == "stopped");
    box.ok({"artifacts", "download", run, "-o", (box.root() / "got").string()});
    CHECK(read_file(box.root() / "got/out/log").value_or("") == "ready\nsaved\n");
    CHECK_FALSE(fs::exists(box.root() / "got/out/next"));
  }
}

TEST_CASE("docker: a job that asks for processors sees only these") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(
        "    resources: {cpu: 1}\n    commands: [\"echo $OMP_NUM_THREADS of $(nproc)\"]\n");
    CHECK(box.ok({"run", "w"}).starts_with("1 of "));
  }
}

TEST_CASE("docker: a program that ignores TERM is killed after the grace period") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.settings("stop_grace: 1s\n");
    box.workflow(
        "    commands: [\"trap '' TERM\", \"echo ready\", \"while :; do sleep 1; done\"]\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready");
    box.ok({"stop", run, "-y"});
    CHECK(box.wait(run)["status"] == "stopped");
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: an abort leaves neither container nor workspace") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(
        "    commands: [\"trap '' TERM\", \"echo ready\", \"while :; do sleep 1; done\"]\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready");
    box.ok({"stop", run, "--abort", "-y"});
    CHECK(box.wait(run)["status"] == "aborted");
    CHECK(box.no_container_left());
    CHECK_FALSE(fs::exists(box.home() / "runs" / run / "0/workspace"));
  }
}

TEST_CASE("docker: what a program leaves running ends with it") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(
        "    commands: [\"(trap 'echo told; exit' TERM; echo ready > flag; while :; do sleep 0.1; "
        "done) &\", "
        "\"while [ ! -e flag ]; do sleep 0.05; done\", \"echo end\"]\n");
    const std::string out = box.ok({"run", "w"});
    CHECK(out.starts_with("end\n"));
    CHECK(out.ends_with("told\n"));  // between them its shell may have said a word
  }
}

TEST_CASE("docker: all processes of a run are killed, and the next command removes its container") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow("    commands: [\"echo ready\", \"while :; do sleep 1; done\"]\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready");
    REQUIRE(containers_of(engine.socket, run).size() == 1);
    const std::string id = box.last_job()["job"];
    const auto lock = read_file(box.home() / "runs" / run / "run.lock");
    REQUIRE(lock);
    const auto supervisor = process::parse_identity(trim(*lock));
    REQUIRE(supervisor);
    // The supervisor first: it would do its work when the others die.
    std::vector<pid_t> all = process::descendants(supervisor->pid);
    all.insert(all.begin(), supervisor->pid);
    REQUIRE(all.size() == 3);  // with the runner and the agent
    for (const pid_t pid : all)
      ::kill(pid, SIGSTOP);
    for (const pid_t pid : all)
      ::kill(pid, SIGKILL);
    box.run({"ps"});
    const Json shown = box.wait(run);
    CHECK(shown["jobs"][0]["status"] == "failed");
    CHECK(shown["jobs"][0]["cause"] == "lost");
    CHECK(containers_of(engine.socket, run).empty());
  }
}

TEST_CASE("docker: a container that somebody else kills or removes was killed") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow("    commands: [\"echo ready\", \"while :; do sleep 1; done\"]\n");
    for (const auto& [method, action] : {std::pair{"POST", "/kill"}, {"DELETE", "?force=1"}}) {
      const std::string run = box.start({"w"});
      wait_for_log(box, run, "ready");
      const std::string id = containers_of(engine.socket, run)[0]["Id"];
      REQUIRE(test::engine_at(engine.socket).ask(method, "/containers/" + id + action));
      check_was_killed(box.wait(run));
    }
  }
}

TEST_CASE("docker: an engine that is restarted meanwhile ends the job and leaves no container") {
  const OwnEngine own;  // others are using the shared one
  if (!own.why_not.empty())
    SKIP(own.why_not);
  const EngineBox box(own.engine);
  box.workflow("    commands: [\"echo ready\", \"while :; do sleep 1; done\"]\n");
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "ready");
  CHECK(own.script("restart").empty());
  check_failed_with_reason(box.wait(run));
  CHECK(containers_of(own.engine.socket, run).empty());
}

TEST_CASE("docker: each attempt has a container of its own, and a timeout ends it") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow("    commands: [\"echo begun > x; cat x\", \"exit 3\"]\n    retry: 1\n");
    auto output = box.run({"run", "w"});
    CHECK(Sandbox::code(output) == 3);
    CHECK(output.out.starts_with("begun\n"));
    CHECK(output.out.ends_with("begun\n"));
    CHECK(output.out.size() > 12);
    CHECK(box.no_container_left());
    box.workflow("    commands: [\"while :; do sleep 1; done\"]\n    timeout: 1s\n");
    CHECK(Sandbox::code(box.run({"run", "w"})) == 124);
    CHECK(box.last_job()["cause"] == "timeout");
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: a job that uses up its memory failed for that, and not for a signal") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(
        "    commands: [\"awk 'BEGIN { s = \\\"x\\\"; while (1) s = s s }'\"]\n    resources: "
        "{memory: "
        "64MB}\n");
    const auto output = box.run({"run", "w"});
    CHECK(Sandbox::code(output) == 137);
    CHECK(holds(output.err, "used up 64"));
    CHECK(box.last_job()["cause"] == "oom");
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: that a process is killed for its memory is reported while the job continues") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    // The gate is opened by who has read it in the log; else the job gives up, with another end.
    box.workflow(R"(    resources: {memory: 64MB}
    commands:
      - mkfifo gate
      - "awk 'BEGIN { s = \"x\"; while (1) s = s s }' || timeout 60 head -n 1 gate || exit 42"
)");
    const std::string run = box.start({"w"});
    const std::string line =
        "dstack: a process of the job was killed because the 64.0 MB of memory that it asked for "
        "were used up; --memory gives it more\n";

    wait_for_log(box, run, line);

    const auto gate = open_file((box.home() / "runs" / run / "0/workspace/gate").string(), O_RDWR);
    REQUIRE(gate);
    REQUIRE(write_all(gate->get(), "opened\n"));
    CHECK(box.wait(run)["status"] == "done");
    const std::string log = box.ok({"logs", run});
    CHECK(log.find(line) == log.rfind(line));
    CHECK(log.ends_with("opened\n"));
    CHECK(box.no_container_left());
  }
}
