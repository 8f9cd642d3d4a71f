// Jobs that are functions of a provider's library, in every way they may end.
#include "support/job_log.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::holds;
using dstack::test::Sandbox;

namespace {

struct NativeBox : Sandbox {
  explicit NativeBox(const std::string& library = "native") {
    const Path plugins = home() / "plugins";
    REQUIRE(make_folders(plugins));
    fs::copy_file(Path(DSTACK_TEST_PROVIDERS) / (library + ".so"), plugins / "native.so");
  }

  /// Runs the function to its end; its job as JSON.
  Json job_of(const std::string& what) {
    output = run({"run", "native", what});
    name = last_run();
    return json({"show", name, "--json"})["jobs"][0];
  }

  process::Output output;
  std::string name;
};

}  // namespace

TEST_CASE(
    "native: a function gets its values, works in the job's folder, and what it makes is kept") {
  NativeBox box;
  box.file("sub/x", "x");
  const std::string out = box.ok({"run",
                                  "native",
                                  "works",
                                  "-e",
                                  "A=1",
                                  "--working-dir",
                                  "sub",
                                  "--secret",
                                  "hush",
                                  "-a",
                                  "made.txt"});
  CHECK(out ==
        "variable 1\nfolder sub\nlist a\nlist b\nmap k=v\ninteger 42\nbooleans\nsecret hush\n");
  const std::string name = box.last_run();
  CHECK(box.json({"artifacts", "list", name, "--json"})[0]["artifact"] == "sub/made.txt");
}

TEST_CASE("native: a secret of a job is not shown in a plan") {
  const NativeBox box;
  for (const std::vector<std::string>& option :
       {std::vector<std::string>{}, std::vector<std::string>{"--json"}}) {
    std::vector<std::string> words = {
        "run", "native", "works", "--secret", "hush", "-e", "COPY=hush", "--dry-run"};
    words.insert(words.end(), option.begin(), option.end());
    const std::string plan = box.ok(words);
    CHECK_FALSE(holds(plan, "hush"));
    CHECK(holds(plan, "***"));
    CHECK(holds(plan, "works"));
  }
  box.ok({"run", "native", "works", "--secret", "hush", "-e", "COPY=hush"});
  const std::string name = box.last_run();
  CHECK_FALSE(holds(box.ok({"show", name}), "hush"));
  CHECK_FALSE(holds(box.ok({"show", name, "--json"}), "hush"));
}

TEST_CASE("native: progress is redrawn on one line, and other lines are kept") {
  const NativeBox box;
  CHECK(box.ok({"run", "native", "shows progress"}) ==
        "\rhalf of it is done\rall               \na line\n\rmore\n");
}

TEST_CASE("native: the exit code of the function is that of the job") {
  NativeBox box;
  const Json job = box.job_of("fails");
  CHECK(Sandbox::code(box.output) == 7);
  CHECK(job["cause"] == "exit");
  CHECK(job["exit_code"] == 7);
}

TEST_CASE("native: what a function reports of its failure becomes the reason") {
  NativeBox box;
  const auto [what, code, reason] = GENERATE(table<const char*, int, const char*>({
      {"says why", 5, "the well is dry; dig deeper"},
      {"says why, and returns 0", 1, "the well is dry"},
      {"throws an error", 1, "the well is dry; dig deeper"},
      {"throws", 1, "the provider threw an exception: basic_string::at"},
      {"throws an int", 1, "the provider threw something that is not a std::exception"},
      {"returns 300", 1, "the provider gave 300 as the job's exit code"},
  }));
  CAPTURE(what);
  const Json job = box.job_of(what);
  CHECK(Sandbox::code(box.output) == code);
  CHECK(job["cause"] == "exit");
  CHECK(holds(box.output.err, reason));
}

TEST_CASE("native: a function that crashes ends its job with the signal, and nothing else") {
  NativeBox box;
  const auto [what, signal] = GENERATE(table<const char*, int>({{"crashes", 11}, {"aborts", 6}}));
  CAPTURE(what);
  const Json job = box.job_of(what);
  CHECK(Sandbox::code(box.output) == 128 + signal);
  CHECK(job["cause"] == "signal");
  CHECK(job["signal"] == signal);
}

TEST_CASE("native: a function that ends the process ends its job") {
  NativeBox box;
  const Json job = box.job_of("exits");
  CHECK(Sandbox::code(box.output) == 9);
  CHECK(job["exit_code"] == 9);
}

TEST_CASE("native: a thread that is left behind does not keep the job from ending well") {
  NativeBox box;
  CHECK(box.job_of("leaves a thread")["status"] == "done");
}

TEST_CASE("native: a function that is stopped may clean up, and its artifacts are kept") {
  const NativeBox box;
  const std::string name = box.start({"native", "waits", "-a", "made.txt"});
  wait_for_log(box, name, "ready");
  box.ok({"stop", name, "-y"});
  CHECK(box.json({"show", name, "--json"})["status"] == "stopped");
  CHECK(holds(box.ok({"logs", name}), "ready\ncancelled\n"));
  CHECK(box.json({"artifacts", "list", name, "--json"}).size() == 1);
}

TEST_CASE("native: a function that ignores a stop is killed after the grace period") {
  const NativeBox box;
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "stop_grace: 1s\n", Durable::no));
  const std::string name = box.start({"native", "hangs"});
  wait_for_log(box, name, "ready");
  box.ok({"stop", name, "-y"});
  CHECK(box.json({"show", name, "--json"})["status"] == "stopped");
}

TEST_CASE("native: a library that is gone when the job starts is named, and nothing has run") {
  NativeBox box;
  box.workflows(R"(workflows:
  - {name: first, provider: bash, commands: ["rm $DSTACK_TEST_HOME/plugins/native.so"], environment: [DSTACK_TEST_HOME]}
  - {name: second, provider: native, what: works, depends-on: [first]}
)");
  auto command = box.command({"run", "second"});
  command.environment->push_back("DSTACK_TEST_HOME=" + box.home().string());
  const auto output = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(output);
  CHECK(Sandbox::code(*output) == 125);
  CHECK(holds(output->err, "native.so"));
  CHECK(holds(output->err, "cannot be loaded"));
}

TEST_CASE("native: a provider that makes such a job without a function for it is refused") {
  NativeBox box("not_native");
  const auto output = box.run({"run", "native", "x"});
  CHECK(Sandbox::code(output) == 125);
  CHECK(holds(output.err, "has no native job"));
}

TEST_CASE("native: what a function warns of is kept with the job, whatever its end") {
  NativeBox box;
  const auto [what, status] = GENERATE(
      table<const char*, const char*>({{"warns", "done"}, {"warns, and fails", "failed"}}));
  const Json job = box.job_of(what);
  CHECK(job["status"] == status);
  CHECK(job["warnings"] == Json::parse("[\"the well is half empty\", \"and the bucket leaks\"]"));
  CHECK(holds(box.output.err, "the well is half empty"));
}
