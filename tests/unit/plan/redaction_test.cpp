#include "dstack/base/json_fields.hpp"
// The plan as JSON and as text, and what is said about targets.
#include "bench.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/redaction.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/text.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

using Words = std::vector<std::string>;

Bench full() {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: download, provider: bash, commands: ['mkdir -p data', 'echo 1 > data/x'], "
      "artifacts: [data]}\n"
      "  - name: train\n"
      "    help: Trains a model\n"
      "    provider: python\n"
      "    depends-on: [download, 'weights:v1']\n"
      "    file: train.py\n"
      "    args: [--title, my model]\n"
      "    requirements: requirements.txt\n"
      "    artifacts: [model]\n"
      "    environment: {MODE: fast}\n"
      "    resources: {cpu: 2, memory: 4GB}\n"
      "  - {name: weights, provider: python, file: train.py}\n");
  bench.variables("variables: {train: {epochs: 3, gpu: 1}, global: {seed: 1}}\n");
  bench.tags["weights:v1"] = {"weights/base.bin"};
  return bench;
}

}  // namespace

TEST_CASE("a plan survives JSON exactly") {
  auto bench = full();
  bench.run_name = "quiet-otter-3";
  const auto plan = bench.plan("train", {"-e", "TEXT=two\nlines"}, {"x", ""});
  const auto text = render_json(Json(plan));
  const auto json = parse_json(text, "the plan");
  REQUIRE(json.has_value());
  const auto parsed = from_json_value<Plan>(*json, "a plan");
  REQUIRE(parsed.has_value());
  CHECK(*parsed == plan);
  CHECK(render_json(Json(*parsed)) == text);
}

TEST_CASE("what a manifest calls secret is shown nowhere, whatever its provider makes of it") {
  Plan plan;
  PlannedWorkflow& workflow = plan.workflows.emplace_back();
  workflow.properties = {{"login", {{"user", "ada"}, {"password", "correct horse"}}},
                         {"title", "correct horse"},
                         {"name", "ada"},
                         {"kept", "${{ secrets.KEPT }}"}};
  workflow.secret_properties = {"login", "kept"};
  PlannedJob& job = plan.jobs.emplace_back();
  job.spec.argv = {"login", "--password=correct horse", "ada"};
  job.environment = {{"PASSWORD", "correct horse", {}}};
  job.spec.python.emplace().index = {"https://ada:correct horse@example.org/simple"};
  const Plan shown = without_secrets(plan);
  CHECK(shown.workflows[0].properties == Json{{"login", {{"user", "***"}, {"password", "***"}}},
                                              {"title", "***"},
                                              {"name", "ada"},
                                              {"kept", "${{ secrets.KEPT }}"}});
  CHECK(shown.jobs[0].spec.argv == Words{"login", "--password=***", "ada"});
  CHECK(shown.jobs[0].environment[0].value == "***");
  CHECK(shown.jobs[0].spec.python->index == Words{"https://ada:***@example.org/simple"});
  CHECK(from_json_value<Plan>(Json(plan), {}).value() == plan);
}

TEST_CASE("an empty plan survives JSON too") {
  const auto parsed = from_json_value<Plan>(Json(Plan()), "a plan");
  REQUIRE(parsed.has_value());
  CHECK(*parsed == Plan());
}

TEST_CASE("a plan that is damaged is an error, never a wrong plan") {
  auto bench = full();
  const Json whole = Json(bench.plan("train"));
  const auto damage = [](const Json& json) {
    return test::failure_of(from_json_value<Plan>(json, "a plan")).message;
  };
  CHECK(damage(Json()) == "cannot read a plan: 'plan' must be a map");
  Json json = whole;
  json["jobs"][0]["workflow"] = 7;
  CHECK(damage(json) == "cannot read a plan: the workflow of a job does not exist");
  json = whole;
  json["jobs"][0].erase("spec");
  CHECK(damage(json) == "cannot read a plan: 'spec' is missing");
  json = whole;
  json["workflows"][0]["inputs"] = Json::array({Json{{"workflow", "x"}, {"producer", 1}}});
  CHECK(damage(json) == "cannot read a plan: a workflow comes before one that it depends on");
  json = whole;
  json["base"][0] = "PATH=/bin";
  CHECK(damage(json) ==
        "cannot read a plan: a variable must be a list of its name, its value and its origin");
}

TEST_CASE("a plan explains itself") {
  auto bench = full();
  auto plan = bench.plan("train", {"--epochs", "9"});
  plan.project = "/home/me/digits";
  CHECK(explain(plan) ==
        R"(plan of 'train': 2 jobs, in this order

1. download
   provider     bash 1.0.0
   commands     mkdir -p data
                echo 1 > data/x
   inputs       none
   artifacts    data
   resources    none requested
   environment  CUDA_DEVICE_ORDER=PCI_BUS_ID              dstack
                CUDA_VISIBLE_DEVICES=                     dstack
                DSTACK_GIT_BRANCH=                        dstack
                DSTACK_GIT_COMMIT=                        dstack
                DSTACK_GIT_REMOTE=                        dstack
                DSTACK_METRICS=(set when the run starts)  dstack
                DSTACK_PROJECT=/home/me/digits            dstack
                HOME=/home/me                             base
                HOSTNAME=(set when the run starts)        dstack
                JOB_HOSTNAME=(set when the run starts)    dstack
                JOB_ID=(set when the run starts)          dstack
                PATH=/usr/bin                             base
                PYTHONUNBUFFERED=1                        base
                RUN_NAME=(set when the run starts)        dstack
                SEED=1                                    .dstack/variables.yaml:1

2. train
   provider     python 1.2.0
   command      python train.py --title 'my model'
   python       3.10 with requirements.txt
   inputs       data of workflow 'download'
                weights/base.bin of workflow 'weights', tag 'v1', saved by run 'quiet-otter-1'
   artifacts    model
   resources    cpu 2, memory 4.0 GB, reserved before it starts
   environment  CUDA_DEVICE_ORDER=PCI_BUS_ID              dstack
                CUDA_VISIBLE_DEVICES=                     dstack
                DSTACK_GIT_BRANCH=                        dstack
                DSTACK_GIT_COMMIT=                        dstack
                DSTACK_GIT_REMOTE=                        dstack
                DSTACK_METRICS=(set when the run starts)  dstack
                DSTACK_PROJECT=/home/me/digits            dstack
                EPOCHS=9                                  command line
                GPU=1                                     .dstack/variables.yaml:1
                HOME=/home/me                             base
                HOSTNAME=(set when the run starts)        dstack
                JOB_HOSTNAME=(set when the run starts)    dstack
                JOB_ID=(set when the run starts)          dstack
                MKL_NUM_THREADS=2                         dstack
                MODE=fast                                 .dstack/workflows.yaml:11
                NUMEXPR_NUM_THREADS=2                     dstack
                OMP_NUM_THREADS=2                         dstack
                OPENBLAS_NUM_THREADS=2                    dstack
                PATH=(set when the run starts):/usr/bin   dstack
                PYTHONHASHSEED=0                          provider
                PYTHONUNBUFFERED=1                        base
                RUN_NAME=(set when the run starts)        dstack
                SEED=1                                    .dstack/variables.yaml:1
                VIRTUAL_ENV=(set when the run starts)     dstack
)");
}

TEST_CASE("what a target takes is described from its manifest and its variables") {
  auto bench = full();
  const auto help = describe_target("train", bench.project(), bench.providers(), {});
  REQUIRE(help.has_value());
  CHECK(help->provider == "python");
  CHECK(help->help == "Trains a model");
  REQUIRE(help->variables.size() == 3);
  CHECK(help->variables[0].syntax == "--seed VALUE");
  CHECK(help->variables[1].syntax == "--epochs VALUE");
  CHECK(help->variables[1].default_value == "3");
  CHECK(help->variables[2].syntax == "--train.gpu VALUE");
  Words options;
  for (const OptionHelp& option : help->options)
    options.push_back(option.syntax);
  CHECK(std::find(options.begin(), options.end(), "-r, --requirements FILE") != options.end());
  CHECK(std::find(options.begin(), options.end(), "--silent") != options.end());
  CHECK(std::find(options.begin(), options.end(), "--gpu N") != options.end());
  CHECK(std::find(options.begin(), options.end(), "FILE") == options.end());
}

TEST_CASE("a provider is described with its positional arguments and examples") {
  auto bench = full();
  const auto help = describe_target("python", bench.project(), bench.providers(), {});
  REQUIRE(help.has_value());
  CHECK(help->help == "Runs a Python script");
  CHECK(help->options[0].syntax == "FILE");
  CHECK(help->options[1].syntax == "ARGS...");
  CHECK(help->examples == Words{"dstack run python train.py"});
  REQUIRE(help->variables.size() == 1);
  CHECK(help->variables[0].syntax == "--seed VALUE");
  const Error unknown =
      test::failure_of(describe_target("trian", bench.project(), bench.providers(), {}));
  CHECK(unknown.code == ErrorCode::not_found);
  CHECK(test::holds(unknown.message, "'trian'"));
}

TEST_CASE("a variable called like an option of the command is described with its workflow") {
  Bench bench;
  bench.workflows("workflows: [{name: train, provider: bash, commands: [ls]}]\n");
  bench.variables("variables: {global: {seed: 1}, train: {color: red, tag: -x}}\n");
  const std::vector<std::string> own = {"-t", "--tag", "--color", "-h", "--help"};
  const auto help = describe_target("train", bench.project(), bench.providers(), own);
  REQUIRE(help.has_value());
  Words names;
  for (const OptionHelp& variable : help->variables)
    names.push_back(variable.names.front());
  CHECK(names == Words{"--seed", "--train.color", "--train.tag"});
  CHECK(help->examples == Words{"dstack run train --train.tag=-x"});
  CHECK(help->ambiguous == Words{"--tag", "--color"});
}

TEST_CASE("an option of the command that is also a variable of the run is refused after the name") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: prepare, provider: bash, commands: [ls]}\n"
      "  - {name: train, provider: bash, commands: [ls], depends-on: [prepare]}\n"
      "  - {name: other, provider: bash, commands: [ls]}\n");
  bench.variables(
      "variables: {global: {quiet: 0}, train: {tag: v1}, prepare: {tag: v1, jobs: 2, detach: "
      "1}}\n");
  const auto of = [&](const std::string& target, const OwnOption& option) {
    const auto refused = refuse_ambiguous(target, {option}, bench.project());
    return refused ? std::string() : refused.error().message + " | " + refused.error().hint;
  };
  CHECK(of("train", {"--tag", "v 2", true}) ==
        "'--tag' is ambiguous: an option of 'dstack run', and a variable of workflow 'train' | "
        "the variable: dstack run train --train.tag 'v 2'\n"
        "the option, before the name: dstack run --tag 'v 2' train");
  CHECK(of("train", {"--jobs", "2", true}) ==
        "'--jobs' is ambiguous: an option of 'dstack run', and a variable of workflow 'prepare' | "
        "the variable: dstack run train --prepare.jobs 2\n"
        "the option, before the name: dstack run --jobs 2 train");
  CHECK(
      of("train", {"--detach", "", false}) ==
      "'--detach' is ambiguous: an option of 'dstack run', and a variable of workflow 'prepare' | "
      "the variable: dstack run train --prepare.detach VALUE\n"
      "the option, before the name: dstack run --detach train");
  CHECK(of("python", {"--quiet", "1", false}) ==
        "'--quiet' is ambiguous: an option of 'dstack run', and a variable of 'global' | "
        "the variable: dstack run python -e QUIET=1\n"
        "the option, before the name: dstack run --quiet python");
  CHECK(of("other", {"--tag", "v2", true}).empty());
  CHECK(of("train", {"--color", "never", true}).empty());
}

TEST_CASE("artifacts that any workflow declares are known from the project's root") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: python, file: train.py, artifacts: [./model/, {path: data}]}\n"
      "  - {name: b, provider: bash, commands: [ls], working-dir: sub, artifacts: out}\n"
      "  - {name: c, provider: missing, artifacts: ['${{ folder }}/x', '${{ unknown }}']}\n"
      "  - {name: d, provider: bash, commands: [ls], artifacts: ['${{ folder }}', ., ../up, "
      "/abs, '**', '*.csv']}\n");
  bench.variables("variables: {global: {folder: runs}}\n");
  CHECK(declared_artifacts(bench.project(), bench.providers()) ==
        Words{"*.csv", "data", "model", "runs", "sub/out"});
}

TEST_CASE("validation plans every workflow and reports all errors of all") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: python, file: gone.py}\n"
      "  - {name: b, provider: pyhton}\n"
      "  - {name: c, provider: python, file: train.py, artifcats: [x]}\n"
      "  - {name: d, provider: python, file: train.py, depends-on: [nobody]}\n"
      "  - {name: e, provider: python, file: '${{ nothing }}'}\n");
  CHECK(bench.validation_errors().size() == 5);
  bench.files({});
  CHECK(bench.validation_errors().size() == 4);
}

TEST_CASE("validation does not check what depends on the time and the machine") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: model/x.py\n"
      "    artifacts: [model]\n"
      "    depends-on: ['train:best']\n"
      "    resources: {gpu: 8}\n");
  CHECK(bench.validation_errors().empty());
}

TEST_CASE("validation takes a tag that does not exist yet for what its workflow saves") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: train, provider: python, file: trian.py, depends-on: ['download:latest']}\n"
      "  - {name: next, provider: python, file: data/x.py, depends-on: ['download:latest']}\n"
      "  - {name: download, provider: python, file: download.py, artifacts: [data]}\n");
  CHECK(bench.validation_errors() ==
        Words{"there is no file 'trian.py' in the project or in the inputs of workflow 'train' @ "
              ".dstack/workflows.yaml:2:43+8 | did you mean 'train.py'?"});
}
