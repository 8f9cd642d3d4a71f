// Secrets in what a job saves: found, reported, and kept as they are.
#include "dstack/base/text.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/secrets.hpp"
#include "support/text.hpp"
#include "support/wait.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

const std::string token = "s3cret-of-the-test";

/// A workflow 'w' with the artifact 'out', whose commands run in that folder.
void workflow(const Sandbox& box, const std::string& commands) {
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    artifacts: [out]\n    commands:\n"
      "      - mkdir out; cd out\n      - |\n        " +
      commands + "\n");
}

/// The artifact 'out' of the last run, as `show --json` has it.
Json artifact(const Sandbox& box) {
  const Json artifacts = box.json({"show", box.last_run(), "--json"})["workflows"][0]["artifacts"];
  REQUIRE(artifacts.size() == 1);
  return artifacts[0];
}

Json exposed(const std::string& path, const std::vector<std::string>& secrets) {
  return {{"count", 1}, {"files", {{{"path", path}, {"secrets", secrets}}}}};
}

/// Nothing that was written down of the last run has the value, but the artifact itself.
void check_not_recorded(const Sandbox& box) {
  for (const auto& entry : fs::recursive_directory_iterator(box.home())) {
    boost::system::error_code error;
    if (entry.symlink_status(error).type() != fs::regular_file ||
        holds(entry.path().string(), "/objects/"))
      continue;
    INFO(entry.path().string());
    CHECK_FALSE(holds(read_file(entry.path()).value_or(""), token));
  }
}

/// So many values to look for, in bytes that are all like theirs, that looking takes a while.
void add_slow_secret(const Sandbox& box) {
  std::string lines;
  for (int i = 0; i < 2000; ++i)
    lines += random_hex(12) + "\n";
  add_secret(box, {"LINES"}, lines);
}

constexpr const char* slow_artifact =
    "head -c 1M /dev/urandom | od -An -v -tx1 | tr -d ' \\n' > ../piece; "
    "for i in $(seq 100); do cat ../piece; done > large; echo $TOKEN > zzz";

std::string status_of_job(const Sandbox& box, const std::string& run) {
  return box.json({"show", run, "--json"})["jobs"][0]["status"].get<std::string>();
}

/// A run whose job is over, and whose artifacts are being scanned.
std::string start_slow(const Sandbox& box) {
  add_secret(box, {"TOKEN"}, token);
  add_slow_secret(box);
  workflow(box, slow_artifact);
  const std::string run = box.start({"w"});
  wait_until([&] { return status_of_job(box, run) == "uploading"; });
  REQUIRE_FALSE(fs::exists(box.home() / "runs" / run / "0" / run::file_names::exit_record));
  return run;
}

}  // namespace

TEST_CASE("a secret in an artifact is reported by file and name, and the artifact is not changed") {
  const Sandbox box;
  add_secret(box, {"api-token"}, token);
  add_secret(box, {"OTHER"}, "another-value");
  workflow(box, "echo \"key: $API_TOKEN\" > env.txt; echo nothing > log.txt");

  const auto output = box.run({"run", "w"});
  const std::string run = box.last_run();

  CHECK(Sandbox::code(output) == 0);
  CHECK(holds(output.err,
              "warning: artifact 'out' of workflow 'w' contains secrets: 'out/env.txt' "
              "contains the secret 'api-token'; anyone who gets it can read them"));
  CHECK_FALSE(holds(output.err + output.out, token));
  CHECK(artifact(box)["exposed"] == exposed("out/env.txt", {"api-token"}));
  CHECK(holds(box.ok({"show", run}), "'out/env.txt' contains the secret 'api-token'"));
  const auto list = box.run({"artifacts", "list", run});
  CHECK(holds(list.out, "out/env.txt (contains the secret 'api-token')"));
  CHECK_FALSE(holds(list.out, "out/log.txt (contains"));
  CHECK(holds(list.err, "warning: artifact 'out' of workflow 'w' contains secrets"));
  const Json files = box.json({"artifacts", "list", run, "--json"});
  REQUIRE(files.size() == 2);
  CHECK(files[0]["secrets"] == Json::array({"api-token"}));
  CHECK(files[1]["secrets"] == Json::array());
  check_not_recorded(box);
  box.ok({"artifacts", "download", run, "-o", (box.root() / "got").string()});
  CHECK(read_file(box.root() / "got/out/env.txt").value() == "key: " + token + "\n");
}

TEST_CASE("what the pattern of an artifact matches is scanned, and nothing else") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, token);
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    artifacts: [\"logs/**/*.log\"]\n"
      "    commands: [\"mkdir -p logs/a; echo $TOKEN | tee logs/a/x.log logs/a/x.txt > y.log\"]\n");
  box.ok({"run", "w"});
  CHECK(artifact(box)["path"] == "logs/**/*.log");
  CHECK(artifact(box)["exposed"] == exposed("logs/a/x.log", {"TOKEN"}));
}

TEST_CASE("a file with a secret in its name is distinguished from others with a similar name") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, token);
  workflow(box,
           "mkdir dir-$TOKEN dir-other; > dir-$TOKEN/b; > dir-other/b; > model-$TOKEN; "
           "> model-final; > \"model-$(echo -n $TOKEN | tr 'a-z0-9' x)\"; ln -s b dir-$TOKEN/a");
  box.run({"run", "w"});

  std::vector<std::string> exposed;
  std::vector<std::string> clean;
  for (const Json& file : box.json({"artifacts", "list", "--json"}))
    (file["secrets"].empty() ? clean : exposed).push_back(file["path"]);
  CHECK(exposed == std::vector<std::string>{"out/dir-***/a", "out/dir-***/b", "out/model-***"});
  REQUIRE(clean.size() == 3);
  CHECK(clean[0] == "out/dir-other/b");
  CHECK(clean[1] == "out/model-final");
  CHECK(clean[2].starts_with("out/model-xx"));
}

TEST_CASE("a secret is found encoded, in a name and in a link, and never shown") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, token);
  workflow(box,
           "echo -n \"me:$TOKEN\" | base64 > 64; echo -n $TOKEN | od -An -v -tx1 | tr -d ' \\n' > "
           "hex; > \"name-$TOKEN\"; ln -s \"/nowhere/$TOKEN\" link; > plain");
  box.run({"run", "w"});

  const Json found = artifact(box)["exposed"];

  CHECK(found["count"] == 4);
  std::vector<std::string> paths;
  for (const Json& file : found["files"]) {
    paths.push_back(file["path"]);
    CHECK(file["secrets"] == Json::array({"TOKEN"}));
  }
  CHECK(paths == std::vector<std::string>{"out/64", "out/hex", "out/link", "out/name-***"});
  CHECK_FALSE(holds(box.ok({"show", box.last_run()}), token));
  const auto list = box.run({"artifacts", "list"});
  CHECK(holds(list.out, "out/name-*** (contains the secret 'TOKEN')"));
  CHECK_FALSE(holds(list.out + list.err, token));
  CHECK_FALSE(holds(box.ok({"artifacts", "list", "--json"}), token));
  box.ok({"artifacts", "download", box.last_run(), "-o", (box.root() / "got").string()});
  CHECK(fs::exists(box.root() / ("got/out/name-" + token)));
}

TEST_CASE("secrets of jobs that failed or were stopped are reported, too") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, token);
  workflow(box, "echo $TOKEN > x; exit 3");
  const auto failed = box.run({"run", "w"});
  CHECK(Sandbox::code(failed) != 0);
  CHECK(holds(failed.err, "'out/x' contains the secret 'TOKEN'"));
  CHECK(artifact(box)["exposed"] == exposed("out/x", {"TOKEN"}));
  CHECK(artifact(box)["partial"] == true);

  workflow(box, "echo $TOKEN > x; echo ready; exec sleep 1001");
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "ready");
  box.ok({"stop", run, "-y"});
  CHECK(box.json({"show", run, "--json"})["status"] == "stopped");
  CHECK(artifact(box)["exposed"] == exposed("out/x", {"TOKEN"}));
}

TEST_CASE("of several attempts the last is scanned, whose artifacts are saved") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, token);
  const std::string seen = (box.root() / "seen").string();
  workflow(box, "if mkdir " + seen + "; then echo $TOKEN > x; exit 1; fi; echo fine > y");
  box.file(".dstack/workflows.yaml",
           read_file(box.project() / ".dstack/workflows.yaml").value() + "    retry: 1\n");
  box.run({"run", "w"});
  CHECK(artifact(box)["exposed"].is_null());
  CHECK(artifact(box)["files"] == 1);
}

TEST_CASE("an artifact without secrets, and a job without them, are not marked") {
  const Sandbox box;
  workflow(box, "echo " + token + " > x");
  const auto without = box.run({"run", "w"});
  CHECK_FALSE(holds(without.err, "warning"));
  CHECK(artifact(box)["exposed"].is_null());

  add_secret(box, {"TOKEN"}, token);
  workflow(box, "echo nothing > x");
  const auto with = box.run({"run", "w"});
  CHECK_FALSE(holds(with.err, "warning"));
  CHECK(artifact(box)["exposed"].is_null());
  CHECK(box.json({"artifacts", "list", "--json"})[0]["secrets"] == Json::array());
}

TEST_CASE("the status shows when artifacts are being scanned, and the log is complete by then") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, token);
  workflow(box, "echo $TOKEN > x; echo the last line");
  const std::string run = box.start({"w"});
  const Json shown = box.wait(run);
  CHECK(Sandbox::statuses(shown["jobs"][0]) ==
        std::vector<std::string>{"submitted", "running", "uploading", "done"});
  CHECK(box.ok({"logs", run}) == "the last line\n");
}

TEST_CASE("an abort does not wait until artifacts were scanned") {
  const Sandbox box;
  const std::string run = start_slow(box);
  box.ok({"stop", run, "--abort", "-y"});
  const Json shown = box.json({"show", run, "--json"});
  CHECK(shown["status"] == "aborted");
  CHECK(shown["workflows"][0]["artifacts"].empty());
  CHECK_FALSE(fs::exists(box.home() / "runs" / run / "0" / run::file_names::workspace));
}

TEST_CASE("a stop is too late for a job whose artifacts are being scanned") {
  const Sandbox box;
  const std::string run = start_slow(box);
  box.ok({"stop", run, "-y"});
  CHECK(box.json({"show", run, "--json"})["status"] == "done");
  CHECK(artifact(box)["exposed"] == exposed("out/zzz", {"TOKEN"}));
}

TEST_CASE("a supervisor that is killed meanwhile changes nothing") {
  const Sandbox box;
  const std::string run = start_slow(box);
  REQUIRE(kill_process_of(box.home() / "runs" / run / run::file_names::run_lock));
  const Json shown = box.wait(run);
  CHECK(shown["status"] == "done");
  CHECK(Sandbox::statuses(shown["jobs"][0]) ==
        std::vector<std::string>{"submitted", "running", "uploading", "done"});
  CHECK(artifact(box)["exposed"] == exposed("out/zzz", {"TOKEN"}));
}

TEST_CASE("a runner that is killed meanwhile leaves artifacts with a warning") {
  const Sandbox box;
  const std::string run = start_slow(box);
  REQUIRE(kill_process_of(box.home() / "runs" / run / "0" / run::file_names::runner));
  box.run({"logs", "-f", run});
  const Json shown = box.json({"show", run, "--json"});
  CHECK(shown["jobs"][0]["cause"] == "lost");
  CHECK(shown["jobs"][0]["warnings"] == Json({"its artifacts were not scanned for secrets"}));
  CHECK(artifact(box)["partial"] == true);
}
