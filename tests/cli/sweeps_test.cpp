// Sweeps: one run with a job for each combination of values.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "words.hpp"

#include <algorithm>
#include <set>

using namespace dstack;
using dstack::test::named;
using dstack::test::Sandbox;

namespace {

using Names = std::vector<std::string>;

constexpr const char* train = R"(workflows:
  - name: train
    provider: bash
    artifacts: [model]
    matrix: {lr: [0.1, 0.01], seed: 1..2}
    commands: ["mkdir model", "echo \"$LR ${{ seed }}\" | tee model/w"]
)";

/// The workflows of a plan, with their combinations.
Names planned(const Sandbox& box, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "run");
  arguments.insert(arguments.end(), {"--dry-run", "--json"});
  Names names;
  const Json plan = box.json(arguments);
  for (const Json& workflow : plan["workflows"])
    names.push_back(workflow["name"]);
  return names;
}

/// What a planned workflow depends on: the names of their producers, each with its folder.
Names inputs_of(const Json& plan, const std::string& workflow) {
  Names inputs;
  for (const Json& each : plan["workflows"])
    if (each["name"] == workflow)
      for (const Json& input : each["inputs"])
        inputs.push_back(
            plan["workflows"][input["producer"].get<std::size_t>()]["name"].get<std::string>() +
            (input.contains("folder") ? " in " + input["folder"].get<std::string>()
                                      : std::string()));
  return inputs;
}

/// Whether all words are in the text.
void check_holds(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    CHECK_THAT(text, Catch::Contains(part));
}

}  // namespace

TEST_CASE("a workflow with a matrix is one run with a job for each combination") {
  const Sandbox box;
  box.workflows(train);
  box.ok({"run", "-q", "train"});
  const std::string run = box.last_run();

  const Json rows = box.json({"ps", run, "--json"});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["workflow"] == "train");
  CHECK(rows[0]["jobs"] == 4);
  CHECK(rows[0]["combinations"] == Json{{"total", 4}, {"done", 4}});
  CHECK_THAT(box.ok({"ps", run}), Catch::Contains("done (4 combinations)"));
  CHECK_THAT(box.ok({"ps", "train", "-a"}), Catch::Contains("done (4 combinations)"));

  const Json shown = box.json({"show", run, "--json"});
  CHECK(shown["workflows"].size() == 4);
  CHECK(shown["workflows"][1]["workflow"] == "train");
  CHECK(shown["workflows"][1]["combination"] == "lr=0.1,seed=2");
  CHECK(shown["workflows"][1]["variables"] == Json{{"lr", "0.1"}, {"seed", "2"}});
  CHECK(shown["jobs"][1]["combination"] == "lr=0.1,seed=2");
  check_holds(box.ok({"show", run}), {"4 combinations; the first is lr=0.1,seed=1"});
}

TEST_CASE("the plan prints every combination, and where each value is from") {
  const Sandbox box;
  box.workflows(train);
  const std::string plan = box.ok({"run", "train", "--dry-run", "--sweep", "seed=5"});
  check_holds(plan,
              {"plan of 'train': 2 jobs",
               "1. train/lr=0.1,seed=5\n",
               "combination 1 of 2\n",
               "2. train/lr=0.01,seed=5\n",
               "LR=0.01",
               ".dstack/workflows.yaml:5",
               "command line"});
}

TEST_CASE("one combination is named by its number, or by its keys") {
  const Sandbox box;
  box.workflows(train);
  box.ok({"run", "-q", "train"});
  const std::string run = box.last_run();
  CHECK(box.ok({"logs", run + "/2"}) == "0.1 2\n");
  CHECK(box.ok({"logs", run + "/lr=0.01,seed=1"}) == "0.01 1\n");
  CHECK(box.ok({"logs", run + "/seed=1,lr=0.01"}) == "0.01 1\n");
  CHECK(box.ok({"logs", run, "train/lr=0.1,seed=2"}) == "0.1 2\n");
  check_holds(box.ok({"logs", run + "/seed=2"}),
              {"train/lr=0.1,seed=2 | 0.1 2\n", "train/lr=0.01,seed=2 | 0.01 2\n"});
  CHECK(named(box.refused({"logs", run + "/5"}, 2)) ==
        "error: run 'RUN' has no combination '5'\n"
        "hint: it has 'lr=0.1,seed=1', 'lr=0.1,seed=2', 'lr=0.01,seed=1' and 1 more\n");
  check_holds(box.refused({"logs", run, "other"}, 2),
              {"has no workflow 'other'", "it has 'train'"});
}

TEST_CASE("artifacts of a sweep are folders, those of one combination are not") {
  const Sandbox box;
  box.workflows(train);
  box.ok({"run", "-q", "train"});
  const std::string run = box.last_run();
  const Json list = box.json({"artifacts", "list", run, "--json"});
  REQUIRE(list.size() == 4);
  CHECK(list[1]["workflow"] == "train");
  CHECK(list[1]["combination"] == "lr=0.1,seed=2");
  CHECK(list[1]["path"] == "model/lr=0.1/seed=2/w");
  CHECK(box.json({"artifacts", "list", run + "/2", "--json"})[0]["path"] == "model/w");
  CHECK(box.ok({"artifacts", "cat", run, "model/lr=0.01/seed=2/w"}) == "0.01 2\n");
  CHECK(box.ok({"artifacts", "cat", run + "/4", "model/w"}) == "0.01 2\n");

  const Path out = box.root() / "out";
  box.ok({"artifacts", "download", run, "-o", out.string()});
  CHECK(read_file(out / "model/lr=0.1/seed=1/w").value() == "0.1 1\n");
  CHECK(read_file(out / "model/combinations.csv").value() ==
        "folder,lr,seed\nlr=0.1/seed=1,0.1,1\nlr=0.1/seed=2,0.1,2\n"
        "lr=0.01/seed=1,0.01,1\nlr=0.01/seed=2,0.01,2\n");
  // Nothing to do: the table is the same, too.
  CHECK_THAT(box.run({"artifacts", "download", run, "-o", out.string()}).err,
             Catch::Contains("downloaded 0 files"));
  const Path one = box.root() / "one";
  box.ok({"artifacts", "download", run + "/lr=0.1,seed=2", "-o", one.string()});
  CHECK(read_file(one / "model/w").value() == "0.1 2\n");
  CHECK_FALSE(fs::exists(one / "model/combinations.csv"));
}

TEST_CASE("a tag is of one combination, or of all") {
  const Sandbox box;
  box.workflows(std::string(train) + R"(  - name: use
    provider: bash
    depends-on: ["train:best"]
    commands: ["find model -type f | sort", "cat model/w 2>/dev/null || cat model/*/*/w"]
)");
  CHECK_THAT(box.run({"run", "train", "-t", "all"}).err, Catch::Contains("  train:all\n"));
  const std::string run = box.last_run();
  box.ok({"tags", "add", "best", run + "/lr=0.01,seed=1"});
  const Json tags = box.json({"tags", "list", "--json"});
  REQUIRE(tags.size() == 2);
  CHECK(tags[0]["combination"] == nullptr);
  CHECK(tags[1]["combination"] == "lr=0.01,seed=1");
  CHECK(box.ok({"run", "-q", "use"}) == "model/w\n0.01 1\n");
  CHECK(box.json({"artifacts", "list", "train:best", "--json"})[0]["path"] == "model/w");
  CHECK(box.json({"artifacts", "list", "train:all", "--json"}).size() == 4);

  box.ok({"tags", "add", "best", run, "-f"});
  check_holds(box.ok({"run", "-q", "use"}),
              {"model/combinations.csv\n", "model/lr=0.1/seed=1/w\n", "0.01 2\n"});
  check_holds(
      box.refused({"rm", "-y", run}, 1),
      {"is tagged: 'train:all' and 'train:best'", "'dstack tags delete train:all' and so on"});
  check_holds(box.refused({"tags", "add", "some", run + "/lr=0.1"}, 2),
              {"'lr=0.1' means several combinations"});
}

TEST_CASE("dependents pair by the keys that both have, and gather the others") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: split
    provider: bash
    artifacts: [data]
    matrix: {seed: [1, 2]}
    commands: ["mkdir data; echo split ${{ seed }} > data/s"]
  - name: train
    provider: bash
    depends-on: [split]
    artifacts: [model]
    matrix: {lr: [0.1, 0.2], seed: [1, 2]}
    commands: ["mkdir model; (cat data/s; echo ${{ lr }}) > model/w"]
  - name: mean
    provider: bash
    depends-on: [train]
    artifacts: [mean]
    matrix: {lr: [0.1, 0.2]}
    commands: ["find model -type f | sort", "mkdir mean; cat model/*/w > mean/m"]
  - name: again
    provider: bash
    depends-on: [train]
    matrix: train
    commands: ["cat model/w"]
  - name: report
    provider: bash
    depends-on: [mean]
    commands: ["cat mean/combinations.csv mean/lr=0.2/m"]
)");
  const Json plan = box.json({"run", "report", "--dry-run", "--json"});
  CHECK(plan["workflows"].size() == 2 + 4 + 2 + 1);
  CHECK(inputs_of(plan, "train/lr=0.2,seed=1") == Names{"split/seed=1"});
  CHECK(inputs_of(plan, "mean/lr=0.1") ==
        Names{"train/lr=0.1,seed=1 in seed=1", "train/lr=0.1,seed=2 in seed=2"});
  CHECK(inputs_of(plan, "report") == Names{"mean/lr=0.1 in lr=0.1", "mean/lr=0.2 in lr=0.2"});
  const Json again = box.json({"run", "again", "--dry-run", "--json"});
  CHECK(inputs_of(again, "again/lr=0.2,seed=2") == Names{"train/lr=0.2,seed=2"});

  CHECK_THAT(box.ok({"run", "-q", "report"}),
             Catch::Contains("report | folder,lr\nreport | lr=0.1,0.1\nreport | lr=0.2,0.2\n"
                             "report | split 1\nreport | 0.2\nreport | split 2\nreport | 0.2\n"));
  CHECK(box.ok({"logs", box.last_run() + "/lr=0.1", "mean"}) ==
        "model/combinations.csv\nmodel/seed=1/w\nmodel/seed=2/w\n");
}

TEST_CASE("a dependency without the swept variable runs once") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables:\n  train: {lr: 1}\n  global: {seed: 1}\n");
  box.workflows(R"(workflows:
  - {name: get, provider: bash, commands: ["true"]}
  - {name: train, provider: bash, depends-on: [get], commands: ["true"]}
)");
  CHECK(planned(box, {"train", "--sweep", "lr=1,2"}) == Names{"get", "train/lr=1", "train/lr=2"});
  // One that all workflows have is that of all of them, unless one is named.
  CHECK(planned(box, {"train", "--sweep", "seed=1..2"}) ==
        Names{"get/seed=1", "get/seed=2", "train/seed=1", "train/seed=2"});
  CHECK(planned(box, {"train", "--sweep", "train.seed=1..2"}) ==
        Names{"get", "train/seed=1", "train/seed=2"});
}

TEST_CASE("a swept variable cannot decide what a workflow depends on") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables:\n  train: {from: get, g: 1}\n");
  box.workflows(R"(workflows:
  - {name: get, provider: bash, commands: ["true"]}
  - {name: train, provider: bash, depends-on: ["${{ from }}"], commands: ["true"]}
)");
  check_holds(box.refused({"run", "train", "--sweep", "from=get,other"}, 2),
              {"'from' is swept, and cannot decide what a workflow depends on"});
  CHECK(planned(box, {"train", "--sweep", "g=1,2"}) == Names{"get", "train/g=1", "train/g=2"});
}

TEST_CASE("the command line sweeps without anything that a shell wants quoted") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables:\n  w: {lr: 1, seed: 1, name: x}\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  CHECK(planned(box, {"w", "--sweep", "lr=0.1,0.01", "--sweep", "seed=1..2"}) ==
        Names{"w/lr=0.1,seed=1", "w/lr=0.1,seed=2", "w/lr=0.01,seed=1", "w/lr=0.01,seed=2"});
  CHECK(planned(box, {"w", "--zip", "lr=1,2", "--zip", "seed=3..4", "--sweep", "name=a,b"}) ==
        Names{"w/name=a,lr=1,seed=3",
              "w/name=a,lr=2,seed=4",
              "w/name=b,lr=1,seed=3",
              "w/name=b,lr=2,seed=4"});
  const Names few = planned(box, {"w", "--sweep", "lr=log:1e-4..1e-1", "--samples", "3"});
  const Names more = planned(box, {"w", "--sweep", "lr=log:1e-4..1e-1", "--samples", "6"});
  REQUIRE(few.size() == 3);
  REQUIRE(more.size() == 6);
  CHECK(std::equal(few.begin(), few.end(), more.begin()));
  CHECK(
      planned(box, {"w", "--sweep", "lr=log:1e-4..1e-1", "--samples", "3", "--sample-seed", "9"}) !=
      few);
  box.file("trials.csv", "lr,name\n0.5,a\n0.6,\n");
  CHECK(planned(box, {"w", "--sweep", "@trials.csv"}) == Names{"w/lr=0.5,name=a", "w/lr=0.6"});
}

TEST_CASE("a value of the command line takes the place of those of the matrix") {
  const Sandbox box;
  box.workflows(train);
  CHECK(planned(box, {"train", "--lr", "7"}) == Names{"train/lr=7,seed=1", "train/lr=7,seed=2"});
  CHECK(planned(box, {"train", "--sweep", "lr=1e-5"}) ==
        Names{"train/lr=1e-5,seed=1", "train/lr=1e-5,seed=2"});
}

TEST_CASE("a matrix has conditions, pairs, and what is left out and added") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    matrix:
      optimizer: [sgd, adam]
      momentum: {values: [0.8, 0.9], when: optimizer=sgd}
      batch: [16, 32]
      steps: [2000, 1000]
      zip: [batch, steps]
      exclude: [{optimizer: adam, batch: 16}]
      include: [{optimizer: lbfgs}]
    commands: ["echo ${MOMENTUM-unset}"]
)");
  CHECK(planned(box, {"w"}) == Names{"w/optimizer=sgd,momentum=0.8,batch=16,steps=2000",
                                     "w/optimizer=sgd,momentum=0.8,batch=32,steps=1000",
                                     "w/optimizer=sgd,momentum=0.9,batch=16,steps=2000",
                                     "w/optimizer=sgd,momentum=0.9,batch=32,steps=1000",
                                     "w/optimizer=adam,batch=32,steps=1000",
                                     "w/optimizer=lbfgs"});
  box.ok({"run", "-q", "w"});
  CHECK(box.ok({"logs", box.last_run() + "/6"}) == "unset\n");
}

TEST_CASE("wrong sweeps say what is wrong with them, and nothing starts") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables:\n  w: {lr: 1}\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const auto refusal = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"run", "w"});
    return box.refused(arguments, 2);
  };
  check_holds(refusal({"--sweep", "rl=1,2"}),
              {"no workflow of this run has a variable 'rl'",
               "dstack run w --sweep rl=1,2",
               "did you mean 'lr'?"});
  check_holds(refusal({"--sweep", "lr"}), {"'lr' does not say which variable has which values"});
  check_holds(refusal({"--sweep", "lr="}), {"there are no values"});
  check_holds(refusal({"--sweep", "lr=1", "--zip", "lr=2"}), {"'lr' is swept twice"});
  check_holds(refusal({"--sweep", "lr=lin:0..1"}), {"'lr' is an interval", "--samples 20"});
  check_holds(refusal({"--samples", "3"}), {"'--samples' has no interval"});
  check_holds(refusal({"--sweep", "@none.csv"}), {"none.csv"});
  check_holds(refusal({"--fail-fast", "--max-failures", "2"}), {"cannot be used together"});
  CHECK(box.run({"ps", "-a"}).out.empty());
  check_holds(box.refused({"run", "w", "--sweep", "lr=1..1001"}, 2),
              {"running 1001 combinations needs confirmation"});
  CHECK(planned(box, {"w", "--sweep", "lr=1..1001"}).size() == 1001);
}

TEST_CASE("equal combinations are merged, which is said") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables:\n  w: {lr: 1}\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const auto output = box.run({"run", "w", "--sweep", "lr=1,2,1"});
  CHECK(Sandbox::code(output) == 0);
  CHECK_THAT(output.err, Catch::Contains("1 combination of workflow 'w' is equal to another"));
  CHECK(box.json({"ps", "--json"})[0]["jobs"] == 2);
}

TEST_CASE("one failing combination leaves the others") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    matrix: {n: 1..4}
    commands: ["test ${{ n }} != 2"]
)");
  CHECK(Sandbox::code(box.run({"run", "-q", "w"})) == 1);
  const Json row = box.json({"ps", "--json"})[0];
  CHECK(row["status"] == "failed");
  CHECK(row["combinations"] == Json{{"total", 4}, {"done", 3}, {"failed", 1}});
}

TEST_CASE("when the first combinations all fail the rest is held back, and that is said") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    matrix: {n: 1..9}
    commands: ["exit 3"]
)");
  const auto output = box.run({"run", "w", "-j1"});
  CHECK(Sandbox::code(output) == 3);
  CHECK_THAT(output.err,
             Catch::Contains("held back, because the first 3 combinations all failed within a "
                             "minute"));
  CHECK(box.json({"ps", "--json"})[0]["combinations"] ==
        Json{{"total", 9}, {"failed", 3}, {"skipped", 6}});
}

TEST_CASE("after so many failures as the user allows nothing more starts") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    matrix: {n: 1..6}
    commands: ["test $((${{ n }} % 2)) = 1"]
)");
  CHECK(Sandbox::code(box.run({"run", "-q", "w", "-j1", "--fail-fast"})) == 1);
  CHECK(box.json({"ps", "--json"})[0]["combinations"] ==
        Json{{"total", 6}, {"done", 1}, {"failed", 1}, {"skipped", 4}});
  CHECK(Sandbox::code(box.run({"run", "-q", "w", "-j1", "--max-failures", "2"})) == 1);
  CHECK(box.json({"ps", "--json"})[0]["combinations"] ==
        Json{{"total", 6}, {"done", 2}, {"failed", 2}, {"skipped", 2}});
}

TEST_CASE("one combination can be stopped, and the others go on") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    matrix: {n: 1..2}
    commands: ["echo begun; if [ ${{ n }} = 1 ]; then sleep 1000; fi; until [ -e $DSTACK_PROJECT/go ]; do sleep 0.05; done"]
)");
  const std::string run = box.start({"w", "-j2"});
  const auto output = box.run({"stop", run + "/1"});
  CHECK(Sandbox::code(output) == 0);
  CHECK_THAT(output.err, Catch::Contains("stopped"));
  box.file("go", "");
  const Json over = box.wait(run);
  CHECK(over["jobs"][0]["status"] == "stopped");
  CHECK(over["jobs"][1]["status"] == "done");
}
