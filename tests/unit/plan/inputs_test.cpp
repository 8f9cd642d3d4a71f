// Dependencies, and the files that they bring.
#include "bench.hpp"
#include "support/catch.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

using Words = std::vector<std::string>;

Bench tagged(const std::string& dependency) {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: download\n"
      "    provider: python\n"
      "    file: download.py\n"
      "    artifacts: [data]\n"
      "  - name: train\n"
      "    provider: python\n"
      "    depends-on:\n"
      "      - " +
      dependency +
      "\n"
      "    file: train.py\n");
  return bench;
}

}  // namespace

TEST_CASE("a runtime dependency is an input that a workflow of the run makes") {
  auto bench = tagged("download");
  const auto plan = bench.plan("train");
  REQUIRE(plan.workflows.size() == 2);
  REQUIRE(plan.workflows[1].inputs.size() == 1);
  CHECK(plan.workflows[1].inputs[0].workflow == "download");
  CHECK(plan.workflows[1].inputs[0].producer == 0u);
  CHECK(plan.workflows[1].inputs[0].artifacts.empty());
}

TEST_CASE("a tag is an input that runs nothing") {
  auto bench = tagged("download:latest");
  bench.tags["download:latest"] = {"data"};
  const auto plan = bench.plan("train");
  REQUIRE(plan.workflows.size() == 1);
  REQUIRE(plan.workflows[0].inputs.size() == 1);
  const Input& input = plan.workflows[0].inputs[0];
  CHECK_FALSE(input.producer.has_value());
  CHECK(input.tag == "latest");
  CHECK(input.run == "quiet-otter-1");
  REQUIRE(input.artifacts.size() == 1);
  CHECK(input.artifacts[0].path == "data");
}

TEST_CASE(
    "a tag that does not exist is an error at its place that says which do, and how to make one") {
  auto bench = tagged("download:latest");
  const std::string place =
      "workflow 'download' has no tag 'latest' @ .dstack/workflows.yaml:9:9+15 | ";
  const std::string remedy =
      "; make one with 'dstack run download -t latest', or of a finished run with 'dstack tags add "
      "latest RUN'";
  CHECK(bench.errors("train") == Words{place + "it has no tags yet" + remedy});
  bench.tags["download:v1"] = {"data"};
  bench.tags["download:v2"] = {"data"};
  CHECK(bench.errors("train") == Words{place + "it has 'v1' and 'v2'" + remedy});
}

TEST_CASE("missing tags of one chain are made by one run, which both errors name") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: prepare, provider: python, file: train.py}\n"
      "  - {name: train, provider: python, file: train.py, depends-on: [prepare]}\n"
      "  - {name: report, provider: python, file: train.py, depends-on: [prepare:v1, train:v1]}\n");
  const auto errors = bench.errors("report");
  REQUIRE(errors.size() == 2);
  for (const std::string& error : errors)
    CHECK_THAT(error, Catch::Contains("make one with 'dstack run train -t v1'"));
}

TEST_CASE("a file that is neither code nor below an input is an error at its value") {
  Bench bench;
  bench.files({"train.py", "src/trian.py", "src/deep/model.py", "requirements.txt"});
  bench.workflows(
      "workflows:\n"
      "  - name: near\n"
      "    provider: python\n"
      "    file: trian.py\n"
      "  - name: typo\n"
      "    provider: python\n"
      "    file: trainn.py\n"
      "    requirements: req.txt\n"
      "  - name: folder\n"
      "    provider: python\n"
      "    file: src/deep\n");
  CHECK(
      bench.errors("near") ==
      Words{
          "there is no file 'trian.py' @ .dstack/workflows.yaml:4:11+8 | there is 'src/trian.py'"});
  CHECK(
      bench.errors("typo") ==
      Words{
          "there is no file 'trainn.py' @ .dstack/workflows.yaml:7:11+9 | did you mean 'train.py'?",
          "there is no file 'req.txt' @ .dstack/workflows.yaml:8:19+7"});
  CHECK(bench.errors("folder") ==
        Words{"'src/deep' is a folder; 'file' needs a file @ .dstack/workflows.yaml:11:11+8"});
}

TEST_CASE("a file may come with a runtime input or with a tag's artifacts") {
  const std::string consumer =
      "    provider: python\n"
      "    file: data/prepare.py\n";
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: python, file: download.py, working_dir: data, artifacts: "
      "['.x', '../nope']}\n"
      "  - name: train\n"
      "    depends-on: [download]\n" +
      consumer);
  // The declared artifact leads out of its folder: that is reported, and nothing else.
  CHECK(bench.errors("train").size() == 1);

  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: python, file: download.py, artifacts: [data]}\n"
      "  - name: train\n"
      "    depends-on: [download]\n" +
      consumer);
  CHECK(bench.errors("train").empty());

  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: python, file: download.py, artifacts: [database]}\n"
      "  - name: train\n"
      "    depends-on: [download]\n" +
      consumer);
  CHECK(bench.errors("train") == Words{"there is no file 'data/prepare.py' in the project or in "
                                       "the inputs of workflow 'train' @ "
                                       ".dstack/workflows.yaml:6:11+15"});

  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: python, file: download.py}\n"
      "  - name: train\n"
      "    depends-on: ['download:latest']\n" +
      consumer);
  bench.tags["download:latest"] = {"data"};
  CHECK(bench.errors("train").empty());
}

TEST_CASE("artifacts of a workflow are below its working directory") {
  Bench bench;
  bench.files({"sub/x", "download.py", "train.py"});
  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: python, file: download.py, working_dir: ./sub, artifacts: "
      "[data/]}\n"
      "  - {name: train, provider: python, depends-on: [download], file: sub/data/train.py}\n"
      "  - {name: wrong, provider: python, depends-on: [download], file: data/train.py}\n");
  CHECK(bench.errors("train").empty());
  CHECK(bench.errors("wrong").size() == 1);
}

TEST_CASE("a file is looked for from the root and from the working directory") {
  Bench bench;
  bench.files({"sub/train.py", "sub/req.txt", "req.txt", "common/a.py"});
  bench.workflows(
      "workflows:\n"
      "  - {name: below, provider: python, working_dir: sub, file: train.py, requirements: "
      "req.txt}\n"
      "  - {name: root, provider: python, working_dir: sub, file: common/a.py}\n"
      "  - {name: up, provider: python, working_dir: sub, file: ../common/a.py}\n"
      "  - {name: none, provider: python, working_dir: sub, file: other.py}\n");
  const auto below = bench.plan("below");
  CHECK(below.workflows[0].properties["file"] == "sub/train.py");
  CHECK(below.workflows[0].properties["requirements"] == "req.txt");
  CHECK(below.notices ==
        Words{"workflow 'below' uses 'req.txt', seen from the project's root, and not "
              "'sub/req.txt'"});
  CHECK(bench.plan("root").workflows[0].properties["file"] == "common/a.py");
  CHECK(bench.plan("up").workflows[0].properties["file"] == "common/a.py");
  CHECK(bench.errors("none") == Words{"there is no file 'other.py', and none 'sub/other.py' @ "
                                      ".dstack/workflows.yaml:5:60+8"});
}

TEST_CASE("where the code begins above the project, paths are seen from the project first") {
  Bench bench;
  bench.workflows(
      "root: ..\n"
      "workflows:\n"
      "  - {name: own, provider: python, file: train.py, artifacts: [out]}\n"
      "  - {name: beside, provider: python, file: ../common/a.py}\n"
      "  - {name: root, provider: python, file: common/a.py, working_dir: ..}\n"
      "  - {name: sub, provider: python, file: b.py, working_dir: sub, artifacts: [sub/out]}\n"
      "  - {name: none, provider: python, file: other.py}\n");
  const std::string base = bench.project().base;
  bench.files({base + "/train.py", "train.py", "common/a.py", base + "/sub/b.py"});
  const auto own = bench.plan("own");
  CHECK(own.project == bench.project().folder.string());
  CHECK(own.jobs[0].spec.working_dir == base);
  CHECK(own.workflows[0].properties["file"] == base + "/train.py");
  CHECK(own.notices.empty());
  CHECK(bench.plan("beside").workflows[0].properties["file"] == "common/a.py");
  const auto root = bench.plan("root");
  CHECK(root.jobs[0].spec.working_dir.empty());
  CHECK(root.workflows[0].properties["file"] == "common/a.py");
  const auto sub = bench.plan("sub");
  CHECK(sub.jobs[0].spec.working_dir == base + "/sub");
  CHECK(sub.workflows[0].properties["file"] == base + "/sub/b.py");
  CHECK(sub.jobs[0].spec.artifacts == Words{"out"});
  CHECK(bench.errors("none").size() == 1);
  const auto declared = declared_artifacts(bench.project(), bench.providers());
  CHECK(std::find(declared.begin(), declared.end(), base + "/out") != declared.end());
  CHECK(std::find(declared.begin(), declared.end(), base + "/sub/out") != declared.end());
}

TEST_CASE("files that end in .yml are named in a note") {
  const SourceLocation elsewhere{make_source_text(".dstack/workflows.yml", "x"), 1, 1, 1};
  Bench bench;
  bench.workflows("workflows: [{name: w, provider: bash, commands: [ls]}]\n");
  CHECK(bench.plan("w").notices.empty());
  config::Project project = bench.project();
  project.workflows[0].where = elsewhere;
  const PlanningContext given = bench.context();
  const PlanningContext context{project,
                                given.providers,
                                given.machine,
                                given.code,
                                given.environment,
                                given.whole_environment,
                                given.resolve_tag,
                                given.tags_of,
                                given.call_provider};
  const auto plan = make_plan({"w", {}, {}, ""}, context);
  REQUIRE(plan);
  CHECK(plan->notices == Words{"the project is read from '.dstack/workflows.yml'"});
}

TEST_CASE("a file below the working directory may come with an input") {
  Bench bench;
  bench.files({"download.py", "sub/x"});
  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: python, file: download.py, working_dir: sub, artifacts: "
      "[data]}\n"
      "  - {name: train, provider: python, working_dir: sub, depends-on: [download], file: "
      "data/train.py}\n");
  CHECK(bench.plan("train").workflows[1].properties["file"] == "sub/data/train.py");
}

TEST_CASE("an artifact that is written with the working directory is below it") {
  Bench bench;
  bench.files({"sub/x", "two/two/x"});
  bench.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, commands: [ls], working_dir: sub, artifacts: [sub/out, model, "
      "subway]}\n"
      "  - {name: two, provider: bash, commands: [ls], working_dir: two, artifacts: [two/out]}\n");
  CHECK(bench.plan("w").jobs[0].spec.artifacts == Words{"out", "model", "subway"});
  CHECK(bench.plan("two").jobs[0].spec.artifacts == Words{"two/out"});
  CHECK(declared_artifacts(bench.project(), bench.providers()) ==
        Words{"sub/model", "sub/out", "sub/sub/out", "sub/subway", "two/out", "two/two/out"});
}

TEST_CASE("a working directory that is neither code nor an input is reported") {
  Bench bench;
  bench.workflows(
      "workflows:\n  - {name: shell, provider: bash, commands: [ls], working_dir: out/new}\n");
  const auto plan = bench.plan("shell");
  CHECK(plan.jobs[0].spec.working_dir == "out/new");
  CHECK(plan.notices ==
        Words{"working directory 'out/new' of workflow 'shell' is not part of the code: the job "
              "starts in an empty folder"});
}

TEST_CASE(
    "a tag of a workflow that does not exist is an error with a suggestion, also to validate") {
  auto bench = tagged("donwload:latest");
  const Words wrong = {
      "there is no workflow 'donwload' @ .dstack/workflows.yaml:9:9+15 | did you mean 'download'?"};
  CHECK(bench.errors("train") == wrong);
  CHECK(bench.validation_errors() == wrong);
}

TEST_CASE("artifacts that were tagged under a name that no workflow has are an input like others") {
  auto bench = tagged("uploaded:latest");
  bench.tags["uploaded:latest"] = {"data"};
  CHECK(bench.errors("train").empty());
  CHECK(bench.validation_errors().empty());
  bench.tags = {{"uploaded:v1", {"data"}}};
  CHECK(bench.errors("train") ==
        Words{"workflow 'uploaded' has no tag 'latest' @ .dstack/workflows.yaml:9:9+15 | it has "
              "'v1'; the project defines no workflow of that name that could make another"});
}

namespace {

Bench chosen_by_variable() {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: one, provider: python, file: download.py}\n"
      "  - {name: two, provider: python, file: download.py}\n"
      "  - {name: train, provider: python, file: train.py, depends-on: ['${{ t }}']}\n"
      "  - {name: tagged, provider: python, file: train.py, depends-on: ['one:${{ tag }}']}\n");
  bench.variables(
      "variables:\n"
      "  global: {t: one, tag: latest}\n"
      "  two: {split: test}\n");
  return bench;
}

}  // namespace

TEST_CASE("a value of the command line reaches a dependency that refers to the variable") {
  auto bench = chosen_by_variable();
  CHECK(bench.plan("train").workflows[0].name == "one");
  const auto plan = bench.plan("train", {"--t", "two"});
  REQUIRE(plan.workflows.size() == 2);
  CHECK(plan.workflows[0].name == "two");
  CHECK(plan.workflows[1].inputs[0].workflow == "two");
  CHECK(bench.plan("train", {"--train.t", "two"}).workflows[0].name == "two");

  bench.tags["one:v2"] = {"data"};
  CHECK(bench.plan("tagged", {"--tag=v2"}).workflows[0].inputs[0].tag == "v2");
}

TEST_CASE("a workflow that joins the run by a value of the command line brings its variables") {
  auto bench = chosen_by_variable();
  const auto plan = bench.plan("train", {"--t", "two", "--split", "all"});
  CHECK(plan_test::variable(plan.jobs[0], "SPLIT") == "SPLIT=all (command line)");
  CHECK(bench.errors("train", {"--split", "all"}).size() == 1);
}

TEST_CASE(
    "a value of the command line that points a dependency nowhere, or into a cycle, is reported") {
  auto bench = chosen_by_variable();
  CHECK(bench.errors("train", {"--t", "tow"}) ==
        Words{"there is no workflow 'tow' @ .dstack/workflows.yaml:4:66+10 | did you mean 'two'?"});
  CHECK(bench.errors("train", {"--t", "train"}) ==
        Words{"workflow 'train' depends on itself @ .dstack/workflows.yaml:4:66+10 | remove it; "
              "'train:TAG' would use what an earlier run saved"});
  CHECK(bench.errors("train", {"--t", "one:"}).size() == 1);
}

TEST_CASE("a value of the command line may fix what the files' value breaks") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: one, provider: python, file: download.py}\n"
      "  - {name: train, provider: python, file: train.py, depends-on: ['${{ t }}']}\n");
  bench.variables("variables:\n  train: {t: nothing}\n");
  CHECK(bench.errors("train").size() == 1);
  CHECK(bench.errors("train", {"--t", "one"}).empty());
}

TEST_CASE("a file may come with an input whose artifact is a pattern") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: make, provider: bash, commands: [ls], artifacts: ['gen/**/*.py']}\n"
      "  - {name: use, provider: python, depends-on: [make], file: gen/deep/step.py}\n"
      "  - {name: miss, provider: python, depends-on: [make], file: gen/step.sh}\n");
  CHECK(bench.errors("use").empty());
  CHECK(bench.errors("miss").size() == 1);
}

TEST_CASE("an artifact behind a link that leads out of the project is an error at its value") {
  Bench bench;
  const Path root = bench.project().root;
  fs::create_symlink("/", root / "scratch");
  fs::create_directories(root / "runs/5");
  fs::create_symlink("runs/5", root / "latest");
  bench.files({"train.py", "scratch", "latest", "runs/5/log"});
  bench.workflows(
      "workflows:\n"
      "  - {name: out, provider: bash, commands: [ls], artifacts: [ok, scratch]}\n"
      "  - {name: below, provider: bash, commands: [ls], artifacts: ['scratch/x/*.pt']}\n"
      "  - {name: in, provider: bash, commands: [ls], artifacts: [latest, 'latest/*.pt']}\n");
  CHECK(bench.errors("out") ==
        Words{"the artifact 'scratch' of workflow 'out' is behind a link that leads out of the "
              "project: 'scratch' is a link to '/' @ .dstack/workflows.yaml:2:65+7 | only what a "
              "job writes below its working directory can be saved: have it write to a folder "
              "there, and leave the link out of the code"});
  CHECK(bench.errors("below").size() == 1);
  CHECK(bench.errors("in").empty());
  CHECK(bench.validation_errors().size() == 2);
  bench.files({"train.py", "latest", "runs/5/log"});  // Git ignores it: the job gets none
  CHECK(bench.errors("out").empty());
}
