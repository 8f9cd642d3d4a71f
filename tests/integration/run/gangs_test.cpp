// Jobs that start together and end together, by a provider that is nothing but a gang.
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A sandbox that knows the provider `gang`.
class GangBox : public Sandbox {
 public:
  GangBox() {
    REQUIRE(make_folders(home() / "plugins"));
    fs::create_symlink(Path(DSTACK_GANG_PLUGINS) / "gang.so", home() / "plugins" / "gang.so");
    REQUIRE(make_folders(meeting()));
  }

  /// A folder that all jobs see.
  Path meeting() const { return root() / "meeting"; }

  /// One workflow `g`; each command is a file of the project, so that it needs no quoting.
  void gang(const std::vector<std::string>& scripts, const std::string& more = "") const {
    std::string text = "workflows:\n  - name: g\n    provider: gang\n" + more + "    commands:\n";
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      const std::string name = "job" + std::to_string(i) + ".sh";
      file(name, "cd " + meeting().string() + "\n" + scripts[i] + "\n");
      text += "      - . ./" + name + "\n";
    }
    workflows(text);
  }

  static void wait_for(const Path& path) {
    test::wait_until([&] { return ::access(path.c_str(), F_OK) == 0; });
  }

  void wait_for_file(const std::string& name) const { wait_for(meeting() / name); }

  void kill_supervisor(const std::string& run) const {
    REQUIRE(test::kill_process_of(home() / "runs" / run / run::file_names::run_lock));
  }

  /// Runs `g`, whose jobs touch a file of their number and wait for `end`; they get that while
  /// nobody supervises them.
  Json run_that_ends_unsupervised(std::size_t jobs) const {
    const std::string name = start({"g"});
    const Path folder = home() / "runs" / name;
    for (std::size_t job = 0; job < jobs; ++job)
      wait_for_file(std::to_string(job));
    kill_supervisor(name);
    Fd lock = open_file((folder / run::file_names::run_lock).string(), O_RDWR).value();
    REQUIRE(lock_exclusive(lock.get(), Wait::yes).value());
    REQUIRE(write_file_atomically(meeting() / "end", "", Durable::no));
    for (std::size_t job = 0; job < jobs; ++job)
      wait_for(folder / std::to_string(job) / run::file_names::exit_record);
    lock.reset();
    return wait(name);
  }

  bool nothing_left_of(const Json& run) const {
    for (const Json& job : run["jobs"])
      if (!process::with_environment("JOB_ID", job["job"].get<std::string>()).empty())
        return false;
    return true;
  }
};

std::string until_there(const std::string& name) {
  return "until test -e " + name + "; do sleep 0.01; done";
}

constexpr const char* for_ever = "while true; do sleep 0.05; done";

}  // namespace

TEST_CASE("a gang gets what all of it asks for, or waits, and what never fits is refused") {
  GangBox box;
  REQUIRE(
      write_file_atomically(box.home() / "config.yaml",
                            "resources: {cpu: 4, gpus: [{name: V100, memory: 16GB, uuid: GPU-aa}, "
                            "{name: V100, memory: 16GB, uuid: GPU-bb}]}\n",
                            Durable::no));
  box.set("CUDA_VISIBLE_DEVICES=0,1");
  box.gang({"touch 0; echo $CUDA_VISIBLE_DEVICES; " + until_there("end")},
           "    resources: {gpu: 1, cpu: 1}\n");
  const std::string holder = box.start({"g"});
  box.wait_for_file("0");

  box.gang({"echo $CUDA_VISIBLE_DEVICES", "echo $CUDA_VISIBLE_DEVICES"},
           "    resources: {gpu: 1, cpu: 2}\n");
  const std::string gang = box.start({"g"});
  const auto reason = [&] { return box.json({"show", gang, "--json"})["jobs"][1]["reason"]; };
  test::wait_until([&] { return reason() == "needs 2 GPUs, 1 of 2 free; 4 CPUs, 3 of 4 free"; });
  REQUIRE(write_file_atomically(box.meeting() / "end", "", Durable::no));
  CHECK(box.wait(gang)["status"] == "done");
  CHECK(box.wait(holder)["status"] == "done");
  const std::string seen = box.ok({"logs", gang});
  CHECK(seen.find("GPU-aa\n") != std::string::npos);
  CHECK(seen.find("GPU-bb\n") != std::string::npos);

  box.gang({"true", "true", "true"}, "    resources: {gpu: 1}\n");
  const auto refused = box.run({"run", "g"});
  CHECK(GangBox::code(refused) != 0);
  CHECK(refused.err.find("asks for 3 GPUs, all of it at once, for 3 jobs that start together") !=
        std::string::npos);
}

TEST_CASE("a gang takes one slot, starts whole, and each of it finds the master's host and port") {
  const GangBox box;
  const std::string meet = "touch $DSTACK_N; " + until_there("0") + "; " + until_there("1") + "; " +
                           until_there("2") + "; ";
  box.gang(
      {"export DSTACK_N=0; " + meet + "echo \"$JOB_HOSTNAME:$JOB_PORT_0\" > part; mv part address",
       "export DSTACK_N=1; " + meet + until_there("address") +
           "; test \"$MASTER_JOB_HOSTNAME:$MASTER_JOB_PORT_0\" = \"$(cat address)\"",
       "export DSTACK_N=2; " + meet + until_there("address") +
           "; test \"$MASTER_JOB_HOSTNAME:$MASTER_JOB_PORT_0\" = \"$(cat address)\"; "
           "test \"$JOB_PORT_0\" != \"$MASTER_JOB_PORT_0\""});
  box.ok({"run", "g", "-j", "1"});
  const Json run = box.json({"show", box.last_run(), "--json"});
  CHECK(run["jobs"].size() == 3);
  CHECK(run["status"] == "done");
}

TEST_CASE("the first failure of a gang stops the others at once, and the run says which it was") {
  const GangBox box;
  box.gang({"touch 0; trap 'echo told; exit 0' TERM; " + std::string(for_ever),
            "touch 1; " + std::string(for_ever),
            until_there("0") + "; " + until_there("1") + "; exit 7"});
  const auto output = box.run({"run", "g"});
  CHECK(Sandbox::code(output) == 7);
  const Json run = box.json({"show", box.last_run(), "--json"});
  INFO(render_json_pretty(run));
  CHECK(run["status"] == "failed");
  CHECK(run["jobs"][2]["status"] == "failed");
  CHECK(run["jobs"][2]["exit_code"] == 7);
  CHECK(run["jobs"][0]["status"] == "stopped");
  CHECK(run["jobs"][1]["status"] == "stopped");
  CHECK(box.nothing_left_of(run));
  const std::string page = box.ok({"show", box.last_run()});
  CHECK(page.find("stopped because g[2] failed first") != std::string::npos);
}

TEST_CASE("a gang is asked to stop by the signal of its workflow, and pipes keep what they carry") {
  const GangBox box;
  const std::string saves = "(trap 'echo saved; exit 0' INT; trap 'exit 3' TERM; echo ready; " +
                            std::string(for_ever) + ") | tee ";
  box.gang({saves + "log0", saves + "log1"}, "    stop_signal: INT\n");
  const std::string run = box.start({"g"});
  const auto log = [&](const std::string& name) {
    return read_file(box.meeting() / name).value_or("");
  };
  test::wait_until([&] { return log("log0") == "ready\n" && log("log1") == "ready\n"; });
  box.ok({"stop", run, "-y"});
  CHECK(box.json({"show", run, "--json"})["status"] == "stopped");
  CHECK(log("log0") == "ready\nsaved\n");
  CHECK(log("log1") == "ready\nsaved\n");
}

TEST_CASE("a gang of which one cannot have its ports does not start at all") {
  const GangBox box;
  box.gang({"touch begun; " + std::string(for_ever), "touch begun; " + std::string(for_ever)},
           "    ports: 1000\n");
  // As few descriptors as the ports of one job need.
  process::Command command = box.command({"run", "g"});
  command.argv = {"bash", "-c", "ulimit -n 256; exec \"$0\" run g", DSTACK_BINARY};
  const auto output = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(output);
  CHECK(process::render(output->status) == "exit code 125");
  CHECK(::access((box.meeting() / "begun").c_str(), F_OK) != 0);
  const Json run = box.json({"show", box.last_run(), "--json"});
  CHECK(run["jobs"][0]["cause"] == "start");
  CHECK(run["jobs"][1]["status"] == "stopped");
}

TEST_CASE("a gang is tried again whole, in new workspaces") {
  const GangBox box;
  box.gang(
      {"echo 0 >> begun; if test \"$(grep -c 0 begun)\" = 1; then " + std::string(for_ever) +
           "; fi",
       "echo 1 >> begun",
       "echo 2 >> begun; if test \"$(grep -c 2 begun)\" = 1; then until grep -q 0 begun; do sleep "
       "0.01; done; exit 7; fi"},
      "    retry: 3\n");
  box.ok({"run", "g"});
  const Json run = box.json({"show", box.last_run(), "--json"});
  INFO(render_json_pretty(run));
  CHECK(run["status"] == "done");
  for (const Json& job : run["jobs"]) {
    CHECK(job["status"] == "done");
    CHECK(job["attempts"] == 2);
  }
}

TEST_CASE("a gang whose supervisor is killed goes on, and still ends with its first failure") {
  const GangBox box;
  box.gang({"touch 0; " + std::string(for_ever),
            "touch 1; " + until_there("fail") + "; exit 7",
            "touch 2; " + std::string(for_ever)});
  const std::string name = box.start({"g"});
  for (const char* file : {"0", "1", "2"})
    box.wait_for_file(file);
  box.kill_supervisor(name);
  REQUIRE(write_file_atomically(box.meeting() / "fail", "", Durable::no));

  const Json run = box.wait(name);

  INFO(render_json_pretty(run));
  CHECK(run["status"] == "failed");
  CHECK(run["jobs"][1]["exit_code"] == 7);
  CHECK(run["jobs"][0]["status"] == "stopped");
  CHECK(run["jobs"][2]["status"] == "stopped");
  CHECK(box.nothing_left_of(run));
}

TEST_CASE("members of a gang that all ended while nobody supervised keep their own ends") {
  const GangBox box;
  box.gang({"touch 0; " + until_there("end") + "; touch new; exit 0",
            "touch 1; " + until_there("end") + "; exit 7",
            "touch 2; " + until_there("end") + "; exit 0"});

  const Json run = box.run_that_ends_unsupervised(3);

  INFO(render_json_pretty(run));
  CHECK(run["status"] == "failed");
  CHECK(run["jobs"][0]["status"] == "done");
  CHECK(run["jobs"][1]["exit_code"] == 7);
  CHECK(run["jobs"][2]["status"] == "done");
}

TEST_CASE("an attempt of a gang that ended while nobody supervised is followed by a whole one") {
  const GangBox box;
  const std::string first = "; if test -e again; then exit 0; fi; touch ";
  box.gang({"echo 0 >> begun" + first + "0; " + until_there("end") + "; exit 3",
            "echo 1 >> begun" + first + "1; " + until_there("end") + "; touch again; exit 7",
            "echo 2 >> begun" + first + "2; " + until_there("end") + "; exit 3"},
           "    retry: 1\n");

  const Json run = box.run_that_ends_unsupervised(3);

  INFO(render_json_pretty(run));
  CHECK(run["status"] == "done");
  for (const Json& job : run["jobs"])
    CHECK(job["attempts"] == 2);
}

TEST_CASE("a supervisor killed at any moment leaves no part of a gang without the rest") {
  const GangBox box;
  // Ends well only when all three meet, and the two others know the first's port.
  const std::string meet = "mkdir -p $RUN_NAME; cd $RUN_NAME; ";
  const std::string follower =
      until_there("port") + "; test \"$MASTER_JOB_PORT_0\" = \"$(cat port)\"; touch ";
  box.gang({meet + "echo $JOB_PORT_0 > part; mv part port; " + until_there("1") + "; " +
                until_there("2"),
            meet + follower + "1; " + until_there("2"),
            meet + follower + "2; " + until_there("1")});
  for (int i = 0; i < 30; ++i) {
    const std::string name = box.start({"g"});
    test::let_pass(std::chrono::milliseconds(i * 2));
    test::kill_process_of(box.home() / "runs" / name / run::file_names::run_lock);
    const Json run = box.wait(name);
    INFO(render_json_pretty(run));
    CHECK(run["status"] == "done");
  }
}
