// Resources that are reserved among the runs of a home: who waits for what, who is woken when, and
// that nothing stays reserved, whatever is killed.
#include "dstack/resources/lease.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A home whose machine has 4 CPUs and two GPUs, whatever this one has.
class Machine : public Sandbox {
 public:
  Machine() {
    REQUIRE(make_folders(home()));
    REQUIRE(write_file_atomically(home() / "config.yaml",
                                  "resources:\n  cpu: 4\n  memory: 8GB\n  gpus:\n"
                                  "    - {name: V100, memory: 16GB, uuid: GPU-aa}\n"
                                  "    - {name: A100, memory: 40GB, uuid: GPU-bb}\n",
                                  Durable::no));
    set("CUDA_VISIBLE_DEVICES=0,1");
  }

  /// A workflow `name` that says which GPUs it sees, and goes on until the file `end` is there.
  /// Where nobody makes it, it gives up after a minute: whoever waits for resources then runs.
  std::string holding(const std::string& name, const std::string& resources) const {
    return "  - name: " + name + "\n    provider: bash\n    resources: " + resources +
           "\n    commands:\n      - echo gpus=$CUDA_VISIBLE_DEVICES\n"
           "      - timeout 60 sh -c 'until test -e " +
           (root() / "end").string() + "; do sleep 0.01; done'\n";
  }

  std::string passing(const std::string& name, const std::string& resources) const {
    return "  - name: " + name + "\n    provider: bash\n    resources: " + resources +
           "\n    commands: [\"echo gpus=$CUDA_VISIBLE_DEVICES\"]\n";
  }

  void end_all() const { REQUIRE(write_file_atomically(root() / "end", "", Durable::no)); }

  std::string reason(const std::string& run) const {
    const Json job = json({"show", run, "--json"})["jobs"][0];
    return job["status"].get<std::string>() +
           (job["reason"].is_string() ? ": " + job["reason"].get<std::string>() : "");
  }

  /// Until the run says so; one that never does fails the test when it is over.
  void wait_for_reason(const std::string& run, const std::string& text) const {
    test::wait_until([&] {
      const std::string now = reason(run);
      if (now == text)
        return true;
      INFO("it says: " << now << "; and never: " << text);
      REQUIRE(json({"show", run, "--json"})["finished_at"].is_null());
      return false;
    });
  }

  std::size_t leases() const {
    return resources::read_leases(resources::leases_folder(home())).entries.size();
  }

  void kill_supervisor(const std::string& run) const {
    test::kill_process_of(home() / "runs" / run / run::file_names::run_lock);
  }

  void kill_runner(const std::string& run) const {
    REQUIRE(test::kill_process_of(test::job_folder(*this, run) / run::file_names::runner));
  }
};

}  // namespace

TEST_CASE("a run waits for the GPUs of another, says so, and begins when they are free") {
  const Machine at;
  at.workflows("workflows:\n" + at.holding("one", "{gpu: {name: v100}}") +
               at.passing("two", "{gpu: 2}"));
  const std::string one = at.start({"one"});
  test::wait_for_log(at, one, "gpus=GPU-aa\n");
  const std::string two = at.start({"two"});
  at.wait_for_reason(two, "queued: needs 2 GPUs, 1 of 2 free");
  CHECK(at.ok({"ps"}).find("queued (needs 2 GPUs, 1 of 2 free)") != std::string::npos);

  at.end_all();

  CHECK(at.wait(two)["status"] == "done");
  CHECK(at.ok({"logs", two}) == "gpus=GPU-aa,GPU-bb\n");
  CHECK(at.leases() == 0);
}

TEST_CASE("a job that is killed together with its runner and supervisor holds nothing any more") {
  const Machine at;
  at.workflows("workflows:\n" + at.holding("one", "{cpu: 4}") + at.passing("two", "{cpu: 1}"));
  const std::string one = at.start({"one"});
  test::wait_for_log(at, one, "gpus=\n");
  const std::string two = at.start({"two"});
  at.wait_for_reason(two, "queued: needs 1 CPU, 0 of 4 free");

  at.kill_supervisor(one);
  at.kill_runner(one);

  CHECK(at.wait(two)["status"] == "done");
  CHECK(at.wait(one)["jobs"][0]["cause"] == "lost");
  CHECK(at.leases() == 0);
}

TEST_CASE("nothing is given away while the processes of a killed job still use it") {
  const Machine at;
  const std::string used = (at.root() / "used").string();
  REQUIRE(write_file_atomically(at.project() / "use.sh",
                                "exec 9>" + used +
                                    "\nflock 9\ntrap '' TERM\necho in use\n"
                                    "timeout 60 sh -c 'until test -e " +
                                    (at.root() / "end").string() + "; do sleep 0.01; done'\n",
                                Durable::no));
  at.workflows(
      "workflows:\n"
      "  - {name: one, provider: bash, resources: {gpu: 2}, commands: [setsid bash use.sh & "
      "wait]}\n"
      "  - {name: two, provider: bash, resources: {gpu: 1}, commands: [flock -n " +
      used + " echo alone]}\n");
  const std::string one = at.start({"one"});
  test::wait_for_log(at, one, "in use\n");

  SECTION("somebody waits for it") {
    const std::string two = at.start({"two"});
    at.wait_for_reason(two, "queued: needs 1 GPU, 0 of 2 free");
    at.kill_supervisor(one);
    at.kill_runner(one);
    CHECK(at.wait(two)["status"] == "done");
  }
  SECTION("somebody asks for it later") {
    at.kill_supervisor(one);
    at.kill_runner(one);
    CHECK(at.wait(at.start({"two"}))["status"] == "done");
  }

  CHECK(at.wait(one)["jobs"][0]["cause"] == "lost");
  CHECK(at.leases() == 0);
}

TEST_CASE("a job keeps what it has while nobody supervises it, and a killed runner gives it back") {
  const Machine at;
  at.workflows("workflows:\n" + at.holding("one", "{cpu: 4}") + at.passing("two", "{cpu: 1}"));
  const std::string one = at.start({"one"});
  test::wait_for_log(at, one, "gpus=\n");
  at.kill_supervisor(one);
  const std::string two = at.start({"two"});
  at.wait_for_reason(two, "queued: needs 1 CPU, 0 of 4 free");

  SECTION("its supervisor comes back, and its runner is killed") {
    at.ok({"ps"});
    at.kill_runner(one);
    CHECK(at.wait(one)["jobs"][0]["cause"] == "lost");
  }
  SECTION("it ends") {
    at.end_all();
    CHECK(at.wait(one)["status"] == "done");
  }

  CHECK(at.wait(two)["status"] == "done");
  CHECK(at.leases() == 0);
}

TEST_CASE("who waits keeps neither others of its run nor others of the queue from what they need") {
  const Machine at;
  at.workflows("workflows:\n" + at.holding("one", "{gpu: 2}") + at.passing("gpu", "{gpu: 1}") +
               at.passing("cpu", "{cpu: 4}") +
               "  - {name: both, provider: bash, depends-on: [gpu, cpu], commands: [\"true\"]}\n");
  const std::string one = at.start({"one"});
  test::wait_for_log(at, one, "gpus=GPU-aa,GPU-bb\n");
  const std::string both = at.start({"both", "-j", "1"});
  test::wait_for_log(at, both, "gpus=\n", 1);
  at.wait_for_reason(both, "queued: needs 1 GPU, 0 of 2 free");
  at.end_all();
  CHECK(at.wait(both)["status"] == "done");
}

TEST_CASE("a run that is stopped while it waits blocks nobody") {
  const Machine at;
  at.workflows("workflows:\n" + at.holding("one", "{cpu: 2}") + at.passing("all", "{cpu: 4}") +
               at.passing("two", "{cpu: 1}"));
  const std::string one = at.start({"one"});
  test::wait_for_log(at, one, "gpus=\n");
  const std::string all = at.start({"all"});
  at.wait_for_reason(all, "queued: needs 4 CPUs, 2 of 4 free");
  const std::string two = at.start({"two"});
  at.wait_for_reason(two, "queued: waits behind 'all' of run '" + all + "'");

  at.ok({"stop", all, "-y"});

  CHECK(at.wait(two)["status"] == "done");
  CHECK(at.wait(all)["status"] == "stopped");
  at.end_all();
  CHECK(at.wait(one)["status"] == "done");
}

TEST_CASE("a job that is tried again asks again") {
  const Machine at;
  at.workflows(
      "workflows:\n  - {name: w, provider: bash, retry: 2, resources: {cpu: 4, gpu: 1}, "
      "commands: [\"echo gpus=$CUDA_VISIBLE_DEVICES; false\"]}\n");
  const Json run = at.wait(at.start({"w"}));
  CHECK(run["jobs"][0]["attempts"] == 3);
  CHECK(at.leases() == 0);
}

TEST_CASE(
    "whenever a supervisor is killed, jobs get what they asked for as often as they are tried") {
  const Machine at;
  at.workflows(
      "workflows:\n" + at.holding("one", "{cpu: 4}") +
      "  - {name: w, provider: bash, retry: 2, resources: {cpu: 3, gpu: 1}, commands: [\"" +
      "echo begun >> " + (at.root() / "$RUN_NAME").string() +
      "; sleep 0.03; echo gpus=$CUDA_VISIBLE_DEVICES; test $(wc -l < " +
      (at.root() / "$RUN_NAME").string() + ") -ge 3\"]}\n");
  for (int i = 0; i < 15; ++i) {
    boost::system::error_code none;
    fs::remove(at.root() / "end", none);
    // Killed while its job waits, at first; later while it runs, and is tried again.
    const std::string one = at.start({"one"});
    test::wait_for_log(at, one, "gpus=\n");
    const std::string w = at.start({"w"});
    at.wait_for_reason(w, "queued: needs 3 CPUs, 0 of 4 free");
    if (i > 0)
      at.end_all();
    test::let_pass(std::chrono::milliseconds(i * 12));
    at.kill_supervisor(w);
    if (i == 0)
      at.end_all();
    const Json run = at.wait(w);
    INFO(render_json_pretty(run));
    CHECK(run["status"] == "done");
    CHECK(run["jobs"][0]["attempts"] == 3);
    CHECK(at.ok({"logs", w}).find("attempt 3 of 3\ngpus=GPU-aa\n") != std::string::npos);
    at.wait(one);
    CHECK(at.leases() == 0);
  }
}
