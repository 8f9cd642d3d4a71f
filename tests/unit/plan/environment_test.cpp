#include "dstack/plan/environment.hpp"

#include "bench.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;
using plan_test::variable;

namespace {

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the base takes from the caller what every program needs, and nothing else") {
  const auto base = base_environment({{"PATH", "/bin"},
                                      {"EDITOR", "vi"},
                                      {"LC_ALL", "C"},
                                      {"https_proxy", "p"},
                                      {"NO_PROXY", "q"},
                                      {"SSL_CERT_FILE", "f"},
                                      {"AWS_SECRET_ACCESS_KEY", "never"},
                                      {"PYTHONPATH", "/x"},
                                      {"PYTHONUNBUFFERED", ""},
                                      {"HOME", "/home/me"}});
  CHECK(base ==
        std::vector<EnvironmentVariable>{{"HOME", "/home/me", parse_variable_origin("base")},
                                         {"LC_ALL", "C", parse_variable_origin("base")},
                                         {"NO_PROXY", "q", parse_variable_origin("base")},
                                         {"PATH", "/bin", parse_variable_origin("base")},
                                         {"PYTHONUNBUFFERED", "1", parse_variable_origin("base")},
                                         {"SSL_CERT_FILE", "f", parse_variable_origin("base")},
                                         {"https_proxy", "p", parse_variable_origin("base")}});
}

TEST_CASE("the base has what names the container engine, and no name of it is refused") {
  std::vector<std::pair<std::string, std::string>> caller;
  for (const char* name : {"CONTAINER_HOST",
                           "DOCKER_CERT_PATH",
                           "DOCKER_CONFIG",
                           "DOCKER_CONTEXT",
                           "DOCKER_HOST",
                           "DOCKER_TLS_VERIFY",
                           "XDG_RUNTIME_DIR"})
    caller.emplace_back(name, "x");
  caller.emplace_back("DOCKER_AUTH_CONFIG", "never");
  CHECK(base_environment(caller).size() == 8);  // and PYTHONUNBUFFERED
  Bench bench;
  bench.workflows("workflows:\n  - {name: train, provider: python, file: train.py}\n");
  bench.variables("variables: {train: {docker_host: mine}}\n");
  CHECK(variable(bench.plan("train").jobs[0], "DOCKER_HOST") ==
        "DOCKER_HOST=mine (.dstack/variables.yaml:1)");
}

TEST_CASE("of the layers of an environment the later wins, with its origin") {
  Bench bench;
  // Each layer sets its own name and those of the layers below.
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    environment:\n"
      "      PATH: /opt/bin\n"
      "      PYTHONHASHSEED: 1\n"
      "      MODE: slow\n"
      "      EPOCHS: 1\n"
      "      SEED: 1\n"
      "      LAST: 1\n");
  bench.variables(
      "variables:\n"
      "  global: {epochs: 2, seed: 2, lr: 2}\n"
      "  train: {seed: 3, last: 3}\n");
  const auto job = bench.plan("train", {"-e", "LAST=5"}).jobs[0];
  CHECK(variable(job, "PATH") == "PATH=/opt/bin (.dstack/workflows.yaml:6)");
  CHECK(variable(job, "PYTHONHASHSEED") == "PYTHONHASHSEED=1 (.dstack/workflows.yaml:7)");
  CHECK(variable(job, "MODE") == "MODE=slow (.dstack/workflows.yaml:8)");
  CHECK(variable(job, "EPOCHS") == "EPOCHS=2 (.dstack/variables.yaml:2)");
  CHECK(variable(job, "LR") == "LR=2 (.dstack/variables.yaml:2)");
  CHECK(variable(job, "SEED") == "SEED=3 (.dstack/variables.yaml:3)");
  CHECK(variable(job, "LAST") == "LAST=5 (command line)");
  CHECK(job.environment.size() == 7);
}

TEST_CASE("what a provider adds is its own layer, above the base alone") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: train, provider: python, file: train.py}\n");
  CHECK(variable(bench.plan("train").jobs[0], "PYTHONHASHSEED") == "PYTHONHASHSEED=0 (provider)");
  CHECK(variable(bench.plan("train", {"-e", "PYTHONHASHSEED=7"}).jobs[0], "PYTHONHASHSEED") ==
        "PYTHONHASHSEED=7 (command line)");
}

TEST_CASE("a job that asks for processors has so many threads, unless anybody says otherwise") {
  Bench bench;
  bench.workflows(
      "workflows:\n  - {name: train, provider: python, file: train.py, resources: {cpu: 3}, "
      "environment: {MKL_NUM_THREADS: 1}}\n");
  const auto job = bench.plan("train", {"-e", "OPENBLAS_NUM_THREADS=2"}).jobs[0];
  CHECK(variable(job, "OMP_NUM_THREADS") == "OMP_NUM_THREADS=3 (dstack)");
  CHECK(variable(job, "NUMEXPR_NUM_THREADS") == "NUMEXPR_NUM_THREADS=3 (dstack)");
  CHECK(variable(job, "MKL_NUM_THREADS") == "MKL_NUM_THREADS=1 (.dstack/workflows.yaml:2)");
  CHECK(variable(job, "OPENBLAS_NUM_THREADS") == "OPENBLAS_NUM_THREADS=2 (command line)");
}

TEST_CASE("variables reach a job in upper case with underscores") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: train, provider: python, file: train.py}\n");
  bench.variables("variables:\n  train: {batch-size: 64, log.level: x}\n");
  const auto job = bench.plan("train").jobs[0];
  CHECK(variable(job, "BATCH_SIZE") == "BATCH_SIZE=64 (.dstack/variables.yaml:2)");
  CHECK(variable(job, "LOG_LEVEL") == "LOG_LEVEL=x (.dstack/variables.yaml:2)");
}

TEST_CASE("a reserved name in the file is an error at its place") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    environment: {JOB_PORT_0: 1, JOB_PORTS: 1, CUDA_VISIBLE_DEVICES: 0}\n");
  const auto errors = bench.errors("train");
  REQUIRE(errors.size() == 2);
  CHECK_THAT(errors[0],
             Catch::StartsWith("'JOB_PORT_0' is set by dstack itself @ "
                               ".dstack/workflows.yaml:5:19+10 | ") &&
                 Catch::EndsWith("choose another name"));
  CHECK_THAT(errors[1],
             Catch::StartsWith("'CUDA_VISIBLE_DEVICES' is set by dstack itself @ "
                               ".dstack/workflows.yaml:5:48+20 | ") &&
                 Catch::Contains("'resources: {gpu: N}', or '--gpu N'"));
}

TEST_CASE("a name alone that the caller does not have is noted with its place, and left out") {
  Bench bench;
  bench.environment["THERE"] = "1";
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    environment: [THERE, GONE, SEED, EMPTY=]\n");
  bench.variables("variables:\n  train: {seed: 1}\n");
  const auto plan = bench.plan("train");
  CHECK(plan.notices ==
        Words{".dstack/workflows.yaml:5:26: GONE is not set where the run is started, so the jobs "
              "of workflow 'train' do not have it: set it there, or write 'GONE=VALUE'"});
  CHECK(variable(plan.jobs[0], "GONE").empty());
  CHECK(variable(plan.jobs[0], "THERE") == "THERE=1 (.dstack/workflows.yaml:5)");
}

TEST_CASE("a reserved name alone is refused, set or not") {
  Bench bench;
  bench.workflows(
      "workflows:\n  - {name: train, provider: python, file: train.py, environment: [JOB_ID]}\n");
  REQUIRE(bench.errors("train").size() == 1);
  CHECK_THAT(bench.errors("train").front(), Catch::StartsWith("'JOB_ID' is set by dstack itself"));
}

TEST_CASE("a provider that sets a reserved name is named") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: strange, provider: odd}\n");
  job::JobSpec job;
  job.argv = {"true"};
  job.environment = {{"JOB_ID", "1"}};
  bench.odd_reply.jobs = {job};
  CHECK(bench.errors("strange") == Words{"provider 'odd' sets 'JOB_ID', which dstack itself sets @ "
                                         ".dstack/workflows.yaml:2:31+3 | this is a "
                                         "bug in the provider, /plugins/odd.so"});
}

TEST_CASE("reserved names are reported together with other errors in the properties") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    fiel: train.py\n"
      "    environment: [RUN_NAME=x]\n");
  const auto errors = bench.errors("train");
  REQUIRE(errors.size() == 2);
  CHECK(
      errors[1] ==
      "'RUN_NAME' is set by dstack itself @ .dstack/workflows.yaml:5:19+10 | choose another name");
  CHECK(bench.validation_errors() == errors);
}

TEST_CASE("a plan shows reserved variables with the origin dstack") {
  Plan plan;
  plan.workflows.resize(1);
  plan.jobs.resize(2);
  plan.jobs[0].spec.ports = 1;
  plan.jobs[1].spec.ports = 1;
  plan.jobs[1].spec.apps.resize(1);
  plan.jobs[1].spec.master = 0;
  Words shown;
  for (const EnvironmentVariable& variable : reserved_environment(plan, 1)) {
    CHECK(job::is_reserved_environment_name(variable.name));
    CHECK(render(variable.origin) == "dstack");
    shown.push_back(variable.name);
  }
  Words reserved = job::reserved_environment_names();
  for (std::string& name : reserved)
    if (name.ends_with('_'))
      name += "0";
  CHECK(shown == reserved);
}

TEST_CASE("jobs that are said to have the same surroundings have them") {
  std::vector<job::JobSpec> specs(10);
  specs[1].argv = {"other"};
  specs[2].resources.gpu = 1;
  specs[3].ports = 1;
  specs[4].master = 0;
  specs[5].token = "TOKEN";
  specs[6].python.emplace();
  specs[7].container.emplace();
  specs[8].apps.resize(1);
  specs[9].resources.cpu = 2;
  Plan plan;
  plan.base = base_environment({{"PATH", "/bin"}, {"HOME", "/home/me"}});
  for (const job::JobSpec& spec : specs)
    plan.jobs.emplace_back().spec = spec;
  std::size_t said = 0;
  for (std::size_t a = 0; a < plan.jobs.size(); ++a)
    for (std::size_t b = a + 1; b < plan.jobs.size(); ++b)
      if (have_same_surroundings(plan.jobs[a], plan.jobs[b])) {
        ++said;
        CAPTURE(a, b);
        CHECK(reserved_environment(plan, a) == reserved_environment(plan, b));
        CHECK(base_of(plan, plan.jobs[a]) == base_of(plan, plan.jobs[b]));
      }
  CHECK(said == 3);  // of those that differ in a program or in processors alone
}

TEST_CASE("an origin is read as it was written") {
  for (const char* text :
       {"base", "provider", ".dstack/workflows.yaml:6", "command line", "dstack", "secret"})
    CHECK(render(parse_variable_origin(text)) == text);
  CHECK(parse_variable_origin("secret").kind == VariableOrigin::Kind::secret);
  CHECK(parse_variable_origin("secret:1").kind == VariableOrigin::Kind::file);
}

TEST_CASE("a variable with nothing behind its name is empty, and a note says what to write") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    environment:\n"
      "      NOTHING:\n"
      "      EMPTY: \"\"\n");
  const auto plan = bench.plan("train");
  CHECK(variable(plan.jobs[0], "NOTHING") == "NOTHING= (.dstack/workflows.yaml:6)");
  CHECK(plan.notices ==
        Words{".dstack/workflows.yaml:6:7: NOTHING of workflow 'train' has no value, and is empty: "
              "write 'NOTHING: \"\"' if that is meant; '-e NOTHING' on the command line hands on "
              "your own, and so does 'environment: [NOTHING]'"});
}
