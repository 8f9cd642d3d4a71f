#include "dstack/plan/make.hpp"

#include "bench.hpp"
#include "dstack/base/json_fields.hpp"
#include "dstack/job/job_spec.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

using Words = std::vector<std::string>;

const char* const two_workflows =
    "workflows:\n"
    "  - {name: download, provider: python, file: download.py, artifacts: [data]}\n"
    "  - name: train\n"
    "    provider: python\n"
    "    depends-on: [download]\n"
    "    file: ${{ script }}\n"
    "    args: [--name, '${{ run.name }}']\n"
    "    artifacts: [./model/, {path: log, optional: true}]\n"
    "    working-dir: src\n"
    "    resources: {cpu: 2}\n";

}  // namespace

TEST_CASE("a plan holds every workflow after those it depends on, with all that a run needs") {
  Bench bench;
  bench.files({"download.py", "src/train.py"});
  bench.workflows(two_workflows).variables("variables: {train: {script: src/train.py}}\n");
  bench.run_name = "quiet-otter-3";
  const auto plan = bench.plan("train");
  CHECK(plan.target == "train");
  CHECK(plan.run_name == "quiet-otter-3");
  CHECK(plan.project == bench.project().root.string());
  REQUIRE(plan.jobs.size() == 2);
  CHECK(plan.jobs[1].workflow == 1);
  CHECK(plan.jobs[1].spec.argv == Words{"python", "src/train.py", "--name", "quiet-otter-3"});
  CHECK(plan.jobs[1].spec.artifacts == Words{"model", "log"});
  CHECK(plan.jobs[1].spec.optional_artifacts == Words{"log"});
  CHECK(plan.jobs[1].spec.working_dir == "src");
  CHECK(plan.jobs[1].spec.resources.cpu == 2);
  CHECK(plan.workflows[1].name == "train");
  CHECK(plan.workflows[1].provider == "python");
  CHECK(plan.workflows[1].provider_version == "1.2.0");
  CHECK(plan.workflows[1].provider_path == "/plugins/python.so");
  CHECK(json_string(plan.workflows[1].properties, "file") == "src/train.py");
  CHECK(plan.notices.empty());
}

TEST_CASE("the same request gives the same plan") {
  Bench bench;
  bench.files({"download.py", "src/train.py"});
  bench.workflows(two_workflows).variables("variables: {train: {script: src/train.py}}\n");
  const auto first = bench.plan("train", {"-e", "A=1"});
  const auto second = bench.plan("train", {"-e", "A=1"});
  CHECK(first == second);
  CHECK(explain(first) == explain(second));
  CHECK_FALSE(first == bench.plan("train", {"-e", "A=2"}));
}

TEST_CASE("each provider is asked once for all of its workflows") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: python, file: train.py}\n"
      "  - {name: b, provider: bash, commands: [ls]}\n"
      "  - {name: c, provider: python, file: train.py, depends-on: [a, b]}\n");
  (void)bench.plan("c");
  CHECK(bench.calls == Words{"python 2", "bash 1"});
}

TEST_CASE("what a provider sets in its jobs is kept") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: strange, provider: odd}\n");
  job::JobSpec first;
  first.argv = {"first"};
  first.working_dir = "there";
  first.artifacts = {"out"};
  first.resources.cpu = 1;
  job::JobSpec second;
  second.commands = {"second"};
  first.workspace = job::WorkspaceKind::copy;
  second.workspace = job::WorkspaceKind::private_;
  bench.odd_reply.jobs = {first, second};
  bench.files({"there/file"});
  const auto plan = bench.plan("strange");
  REQUIRE(plan.jobs.size() == 2);
  CHECK(plan.jobs[0].spec == first);
  CHECK(plan.jobs[1].spec == second);
}

TEST_CASE("a workflow's name wins over a provider's") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: bash, provider: python, file: train.py}\n");
  CHECK(bench.plan("bash").workflows[0].provider == "python");
}

TEST_CASE("a name that is neither a workflow nor a provider says where both come from") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: train, provider: python, file: train.py}\n");
  CHECK(bench.errors("trian") == Words{"no workflow or provider is called 'trian' @ command "
                                       "line:1:12+5 | did you mean 'train'?\nworkflows "
                                       "are defined in .dstack/workflows.yaml ('dstack workflows' "
                                       "lists them); 'dstack providers list' shows "
                                       "the providers"});
  CHECK(bench.make("trian").error().code == ErrorCode::not_found);
  bench.undefined();
  CHECK(bench.errors("train") ==
        Words{"no workflow or provider is called 'train' @ command line:1:12+5 | there is no "
              ".dstack/workflows.yaml here or in a folder above, so no workflow is defined; "
              "'dstack providers list' "
              "shows the providers"});
}

TEST_CASE("a provider runs where there is no project") {
  Bench bench;
  const auto plan = bench.plan("python", {"train.py"});
  REQUIRE(plan.jobs.size() == 1);
  CHECK(plan.jobs[0].spec.argv == Words{"python", "train.py"});
  CHECK(plan.workflows[0].name == "python");
}

TEST_CASE("a provider without what it needs is an error at its name") {
  Bench bench;
  const auto errors = bench.errors("python");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("'file'") != std::string::npos);
  CHECK(errors[0].find("@ command line:1:12+6") != std::string::npos);
}

TEST_CASE("a provider that does not exist or cannot be used is an error at its place") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: pyhton, file: train.py}\n"
      "  - {name: b, provider: broken}\n"
      "  - {name: c, provider: fortran}\n");
  CHECK(bench.errors("a") == Words{"no provider is called 'pyhton' @ .dstack/workflows.yaml:2:25+6 "
                                   "| did you mean 'python'?"});
  CHECK(bench.errors("b") == Words{"provider 'broken' cannot be used: it is not a shared library @ "
                                   ".dstack/workflows.yaml:3:25+6 | 'dstack "
                                   "providers list' shows every provider and why one was refused"});
  CHECK(bench.errors("c") == Words{"no provider is called 'fortran' @ "
                                   ".dstack/workflows.yaml:4:25+7 | there are 'bash', 'odd' and "
                                   "'python'"});
  CHECK(bench.errors("broken").size() == 1);
}

TEST_CASE("what a provider finds wrong becomes an error under the property it names") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: strange\n"
      "    provider: odd\n"
      "    url: nowhere\n");
  bench.odd_reply.problems = {{"'nowhere' is no URL", "url", "it begins with https://"},
                              {"something else is wrong", "", ""}};
  CHECK(bench.errors("strange") ==
        Words{"'nowhere' is no URL @ .dstack/workflows.yaml:4:10+7 | it begins with https://",
              "something else is wrong @ .dstack/workflows.yaml:2:5+13"});
  const auto plan = bench.make("strange");
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().context == Words{"while planning workflow 'strange' with provider 'odd'"});
}

TEST_CASE("a provider that makes no job of a workflow is named") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: strange, provider: odd}\n");
  CHECK(bench.errors("strange") == Words{"provider 'odd' returned no job for workflow 'strange' @ "
                                         ".dstack/workflows.yaml:2:31+3 | this is a bug "
                                         "in the provider, /plugins/odd.so"});
}

TEST_CASE("a provider that fails is reported once, at the first workflow that uses it") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: odd}\n"
      "  - {name: b, provider: odd, depends-on: [a]}\n");
  PlanningContext context = bench.context();
  context.call_provider = [](const auto&, const auto&) -> Result<std::vector<provider::PlanReply>> {
    return fail(ErrorCode::internal, "provider 'odd' crashed (SIGSEGV)");
  };
  const auto plan = make_plan({"b", {}, {}, ""}, context);
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan_test::describe(plan.error()) ==
        "provider 'odd' crashed (SIGSEGV) @ .dstack/workflows.yaml:2:25+3");
  CHECK(plan.error().also.empty());
}

TEST_CASE("errors of workflows outside the run are one line") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: good, provider: python, file: train.py}\n"
      "  - {name: bad, provider: python, file: train.py, depends-on: [nothing]}\n"
      "  - {name: worse, provider: python, file: train.py, depends-on: [nobody]}\n");
  CHECK(bench.plan("good").notices ==
        Words{"other workflows have errors; 'dstack validate' shows them"});
  CHECK(bench.plan("python", {"train.py"}).notices.size() == 1);
  const auto errors = bench.errors("bad");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("nothing") != std::string::npos);
}

TEST_CASE("a dependency cycle is an error of every run that it concerns") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: python, file: train.py, depends-on: [b]}\n"
      "  - {name: b, provider: python, file: train.py, depends-on: [a]}\n"
      "  - {name: c, provider: python, file: train.py, depends-on: [b]}\n");
  CHECK(bench.errors("a").size() == 1);
  CHECK(bench.errors("c").size() == 1);
}

TEST_CASE("everything that keeps a run from starting is reported together") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: a, provider: python, file: gone.py, resources: {gpu: 9}}\n"
      "  - {name: b, provider: pyhton}\n"
      "  - {name: c, provider: python, file: train.py, artifcats: [x]}\n"
      "  - {name: d, provider: python, file: train.py, args: ['${{ nothing }}']}\n"
      "  - {name: e, provider: python, file: train.py, environment: {RUN_NAME: x}}\n"
      "  - name: all\n"
      "    provider: bash\n"
      "    commands: [ls]\n"
      "    depends-on: [a, b, c, d, e, 'a:tag', nobody]\n");
  const auto errors = bench.errors("all", {"--wrong", "1"});
  CHECK(errors.size() == 9);
}

TEST_CASE("an unavailable version of Python is reported with the other errors, where it is named") {
  Bench bench;
  bench.choose_python = [](const python::VersionRequest& wish) -> Result<python::Choice> {
    if (wish.version != "3.10")
      return fail(ErrorCode::unavailable, "no Python {}", wish.version);
    return python::Choice{{"/usr/bin/python3.10", "3.10.13", "PATH"}, ""};
  };
  bench.workflows(
      "workflows:\n"
      "  - {name: first, provider: python, file: train.py, version: '3.99'}\n"
      "  - {name: second, provider: python, file: train.py, version: '3.99'}\n"
      "  - {name: third, provider: python, file: nothing.py, depends-on: [first, second]}\n"
      "  - {name: fourth, provider: python, file: train.py}\n");
  CHECK(bench.errors("third") ==
        Words{"there is no file 'nothing.py' in the project or in the inputs of workflow 'third' @ "
              ".dstack/workflows.yaml:4:43+10",
              "no Python 3.99 @ .dstack/workflows.yaml:2:62+6"});
  const auto plan = bench.plan("fourth");
  REQUIRE(plan.jobs[0].python);
  CHECK(plan.jobs[0].python->version == "3.10.13");
  CHECK((from_json_value<Plan>(Json(plan), "a plan").value() == plan));
  const std::string text = explain(plan);
  CHECK(text.find("python       3.10.13 (/usr/bin/python3.10, PATH)\n") != std::string::npos);
  CHECK(text.find("PATH=(set when the run starts):/usr/bin") != std::string::npos);
  bench.choose_python = [](const python::VersionRequest&) -> Result<python::Choice> {
    return python::Choice{{"", "3.99", "uv"}, ""};
  };
  CHECK(explain(bench.plan("fourth")).find("python       3.99 (uv downloads it)\n") !=
        std::string::npos);
  // Whatever a machine has, a file can be right.
  CHECK(bench
            .workflows(
                "workflows:\n  - {name: w, provider: python, file: train.py, version: '3.99'}\n")
            .validation_errors()
            .empty());
}

TEST_CASE("a value takes the type of its property after variables are put in") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    resources: {cpu: '${{ cpus }}'}\n");
  bench.variables("variables: {train: {cpus: 2}}\n");
  CHECK(bench.plan("train").jobs[0].spec.resources.cpu == 2);
  CHECK(bench.plan("train", {"--cpus", "3"}).jobs[0].spec.resources.cpu == 3);
  CHECK(bench.errors("train", {"--cpus", "many"}).size() == 1);
}

TEST_CASE("ten thousand workflows that one target pulls in are planned") {
  std::string yaml = "workflows:\n";
  for (int i = 0; i < 10'000; ++i) {
    yaml += "  - {name: w" + std::to_string(i) + ", provider: bash, commands: [ls], depends-on: [";
    for (int back = 1; back <= 3 && back <= i; ++back)
      yaml += (back > 1 ? ", w" : "w") + std::to_string(i - back);
    yaml += "]}\n";
    if (i == 0)
      yaml = "workflows:\n  - {name: w0, provider: bash, commands: [ls]}\n";
  }
  Bench bench;
  bench.workflows(yaml);
  const auto plan = bench.plan("w9999");
  CHECK(plan.workflows.size() == 10'000);
  CHECK(plan.workflows[9'999].inputs.size() == 3);
  CHECK(plan.jobs.size() == 10'000);
  CHECK(bench.calls == Words{"bash 10000"});
}

TEST_CASE("a version of Python is that of the workflow, else what the project's files say") {
  Bench bench;
  std::vector<python::VersionRequest> asked;
  bench.choose_python = [&](const python::VersionRequest& wish) -> Result<python::Choice> {
    asked.push_back(wish);
    if (wish.version == "3.99")
      return fail(ErrorCode::unavailable, "no Python {}", wish.version);
    return python::Choice{{"/usr/bin/python3", "3.12.1", "PATH", wish.named_by}, "chosen"};
  };
  bench.workflows(
      "workflows:\n"
      "  - {name: free, provider: odd}\n"
      "  - {name: named, provider: python, file: train.py, version: '3.10'}\n");
  job::JobSpec job;
  job.argv = {"python"};
  job.python.emplace();
  bench.odd_reply.jobs = {job};
  bench.file(".python-version", "3.12\n");
  bench.file("pyproject.toml",
             "[project]\nname = 'x'\nrequires-python = '>=3.9'\ndependencies = ['six']\n");
  const auto plan = bench.plan("free");
  CHECK(asked.back() ==
        python::VersionRequest{"3.12", ".python-version", ">=3.9", "pyproject.toml"});
  CHECK(explain(plan).find("3.12.1 (/usr/bin/python3, PATH, as '.python-version' says)\n") !=
        std::string::npos);
  CHECK(bench.plan("named").jobs[0].python->named_by.empty());
  CHECK(asked.back() == python::VersionRequest{"3.10", "", ">=3.9", "pyproject.toml"});

  bench.file(".python-version", "# newest\n3.99\n");
  CHECK(bench.errors("free") == Words{"no Python 3.99 @ .python-version:2:1+4"});
  bench.file(".python-version", "pypy3.10\n");
  CHECK(bench.errors("free").at(0).starts_with(
      "'pypy3.10' is not CPython, the only Python that jobs can have @ .python-version:1:1+8"));
  CHECK(bench.plan("named").jobs.size() == 1);
}

TEST_CASE("a version beside an environment of conda, which has a Python of its own, is noted") {
  Bench bench;
  bench.choose_python = [](const python::VersionRequest&) -> Result<python::Choice> {
    return fail(ErrorCode::unavailable, "nobody asks");
  };
  bench.files({"train.py", "gpu.yml"})
      .workflows(
          "workflows:\n"
          "  - {name: w, provider: python, file: train.py, requirements: gpu.yml, version: "
          "'3.12'}\n"
          "  - {name: v, provider: python, file: train.py, requirements: gpu.yml, version: ''}\n");
  CHECK(bench.plan("w").notices ==
        Words{"Python 3.12 is not heeded: the environment of 'gpu.yml' has a Python of its own"});
  CHECK(bench.plan("v").notices.empty());
}

TEST_CASE("the files beside requirements of another folder say which Python it is") {
  Bench bench;
  std::vector<python::VersionRequest> asked;
  bench.choose_python = [&](const python::VersionRequest& wish) -> Result<python::Choice> {
    asked.push_back(wish);
    return python::Choice{{"/usr/bin/python3", "3.12.1", "PATH", wish.named_by}, "chosen"};
  };
  bench.workflows("workflows:\n  - {name: free, provider: odd}\n");
  job::JobSpec job;
  job.argv = {"python"};
  job.python.emplace();
  job.python->requirements = {"app/pyproject.toml"};
  bench.odd_reply.jobs = {job};
  bench.file(".python-version", "3.9\n");
  bench.file("app/.python-version", "3.12\n");
  bench.file("app/pyproject.toml", "[project]\nname = 'x'\nrequires-python = '>=3.11'\n");
  bench.files({"app/pyproject.toml"});
  (void)bench.make("free");
  REQUIRE_FALSE(asked.empty());
  CHECK(asked.back() ==
        python::VersionRequest{"3.12", "app/.python-version", ">=3.11", "app/pyproject.toml"});
}
