// `dstack restart`: a new run from what an earlier one was asked to do.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <sys/stat.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A project whose `train` fails as long as the file `may` is not there, for one value of `lr`.
struct Project {
  Sandbox box;
  Path may = box.root() / "may";

  Project() {
    box.file("code.txt", "original\n");
    box.file(".dstack/variables.yaml", "variables: {train: {lr: 1}}\n");
    box.workflows(fmt::format(R"yaml(workflows:
  - {{name: prep, provider: bash, artifacts: [data], commands: ["mkdir data; echo $RUN_NAME > data/x"]}}
  - name: train
    provider: bash
    depends-on: [prep]
    matrix: {{lr: [1, 2, 3]}}
    artifacts: [out]
    commands: ["mkdir out; cat data/x code.txt > out/c; echo {} > out/n; test $LR != 2 || test -e '{}'"]
  - name: report
    provider: bash
    depends-on: [train]
    commands: ["cat out/combinations.csv out/*/n"]
)yaml",
                              "${{ run.name }}",
                              may.string()));
  }

  void allow() const { REQUIRE(write_file_atomically(may, "", Durable::no)); }
};

}  // namespace

TEST_CASE("a restart runs what was asked for, whatever has changed in the project since") {
  const Sandbox box;
  box.file("code.txt", "original\n");
  box.file(".dstack/variables.yaml", "variables: {w: {epochs: 3}}\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, "
      "commands: ['cat code.txt; echo $EPOCHS ${{ run.args }}; echo name ${{ run.name }}']}\n");
  const std::string first = box.ok({"run", "w", "--epochs", "5", "--", "a b", "c"});
  const std::string origin = box.last_run();
  CHECK(first == fmt::format("original\n5 a b c\nname {}\n", origin));

  box.file("code.txt", "changed\n");
  box.workflows("workflows:\n  - {name: other, provider: bash, commands: ['echo other']}\n");
  const std::string again = box.ok({"restart", origin});
  const std::string run = box.last_run();
  CHECK(run != origin);
  CHECK(again == fmt::format("original\n5 a b c\nname {}\n", run));
  const Json shown = box.json({"show", run, "--json"});
  CHECK(shown["origin"] == origin);
  CHECK(shown["target"] == "w");
  CHECK(shown["code"] == box.json({"show", origin, "--json"})["code"]);
  CHECK_THAT(box.ok({"show", run}), Catch::Contains("restart      of " + origin));
  CHECK(box.json({"show", origin, "--json"})["origin"] == nullptr);

  // Of a restart, too; and what it would run is shown without running it.
  CHECK_THAT(box.ok({"restart", run, "--dry-run"}), Catch::Contains("echo name <run.name>"));
  CHECK(box.last_run() == run);
  std::string third = box.ok({"restart", run, "-d", "-t", "kept"});
  third.pop_back();
  CHECK_THAT(box.ok({"logs", "-f", third}), Catch::Contains("name " + third));
  CHECK(box.json({"show", third, "--json"})["origin"] == run);
  box.refused({"restart", run, "-t", "kept"}, 1);
}

TEST_CASE("a restart of what failed takes the results of what is done") {
  const Project project;
  const Sandbox& box = project.box;
  const auto failed = box.run({"run", "report"});
  REQUIRE(Sandbox::code(failed) == 1);
  const std::string origin = box.last_run();
  CHECK_THAT(failed.err, Catch::Contains("dstack restart " + origin + " --failed"));

  box.file("code.txt", "changed\n");
  project.allow();
  const Json plan = box.json({"restart", origin, "--failed", "--dry-run", "--json"});
  REQUIRE(plan["workflows"].size() == 2);
  CHECK(plan["workflows"][0]["name"] == "train/lr=2");
  CHECK(plan["workflows"][1]["name"] == "report");

  const std::string out = box.ok({"restart", origin, "--failed"});
  const std::string run = box.last_run();
  CHECK_THAT(out, Catch::Contains("folder,lr\n"));
  for (const char* row : {"lr=1,1\n", "lr=2,2\n", "lr=3,3\n"})
    CHECK_THAT(out, Catch::Contains(row));
  // Two combinations are the old run's, one the new one's.
  CHECK_THAT(out, Catch::Contains(origin));
  CHECK_THAT(out, Catch::Contains(run));
  CHECK(box.ok({"artifacts", "cat", run + "/lr=2", "out/c"}) == origin + "\noriginal\n");
  const Json shown = box.json({"show", run, "--json"});
  CHECK(shown["jobs"].size() == 2);
  const Json& input = shown["workflows"][0]["inputs"][0];
  CHECK(input["workflow"] == "prep");
  CHECK(input["tag"] == nullptr);
  CHECK(input["run"] == origin);

  // The new run holds what it was given: the old one can go, and it is restarted all the same.
  box.ok({"rm", "-y", origin});
  CHECK_THAT(box.ok({"restart", run}), Catch::Contains("lr=3,3\n"));
  CHECK_THAT(box.refused({"restart", run, "--failed"}, 2),
             Catch::Contains("nothing of run '" + run + "' has failed"));
}

TEST_CASE("what has failed can be run again once the run is over") {
  const Sandbox box;
  REQUIRE(::mkfifo((box.root() / "hold").c_str(), 0600) == 0);
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['cat \"" +
                (box.root() / "hold").string() + "\"; false']}\n");
  const std::string run = box.start({"w"});
  CHECK_THAT(box.refused({"restart", run, "--failed"}, 1),
             Catch::Contains("run '" + run + "' is not over"));
  box.ok({"stop", run});
  box.ok({"restart", run, "--failed", "--dry-run"});
  CHECK_THAT(box.refused({"restart", "no-such-run-1"}, 2), Catch::Contains("no-such-run-1"));
}

TEST_CASE("a restart of which something is gone names all of it and starts nothing") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: ['true'], "
      "environment: {T: 'x${{ secrets.TOKEN }}'}}\n");
  REQUIRE(process::run(
      box.command({"secrets", "add", "TOKEN"}), "a value of it", std::chrono::seconds(60)));
  box.ok({"run", "w"});
  const std::string origin = box.last_run();
  box.ok({"secrets", "delete", "-y", "TOKEN"});
  const std::string error = box.refused({"restart", origin}, 2);
  CHECK_THAT(error, Catch::Contains("the secret 'TOKEN', which workflow 'w' refers to"));
  CHECK_THAT(error, Catch::Contains("dstack secrets add TOKEN"));
  CHECK_THAT(error, Catch::Contains("'dstack run w' starts from the project as it is now"));
  CHECK(box.last_run() == origin);
}

TEST_CASE("a restart has the texts of the files of variables of the first time") {
  const Sandbox box;
  box.file(".env", "WORD=first\n");
  box.file(".dstackignore", ".env\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: .env, "
      "commands: ['test $WORD = first && echo same']}\n");
  CHECK(box.ok({"run", "w"}) == "same\n");
  const std::string origin = box.last_run();
  box.file(".env", "WORD=second\n");
  CHECK(box.ok({"restart", origin}) == "same\n");
}
