#include "bench.hpp"
#include "support/catch.hpp"
#include "support/text.hpp"

using namespace dstack;
using namespace dstack::plan_test;

namespace {

std::string variable(const Plan& plan, const std::string& name) {
  std::string value = "none";
  for (const auto& found : plan.jobs.back().environment)
    if (found.name == name)
      value = found.value;
  return value;
}

}  // namespace

TEST_CASE("a workflow has its file's defaults, unless it sets them itself", "[plan][defaults]") {
  Bench bench;
  bench.workflows(R"(
defaults:
  version: "3.11"
  timeout: 1h
  env: {A: default, B: default}
  resources: {cpu: 2, shm-size: 1GB}
  artifacts: [out, logs]
workflows:
  - {name: plain, provider: python, file: train.py}
  - name: own
    provider: python
    file: train.py
    version: "3.12"
    timeout:
    environment: [B=own, C=own]
    resources: {cpu: 3, memory: 1GB}
    artifacts: [model]
)");
  const Plan plain = bench.plan("plain");
  CHECK(plain.jobs[0].spec.python->version == "3.11");
  CHECK(plain.jobs[0].spec.timeout == std::chrono::hours(1));
  CHECK(plain.jobs[0].spec.artifacts == std::vector<std::string>{"out", "logs"});
  CHECK(variable(plain, "A") == "default");

  const Plan own = bench.plan("own");
  const job::JobSpec& spec = own.jobs[0].spec;
  CHECK(spec.timeout.count() == 0);
  CHECK(spec.artifacts == std::vector<std::string>{"model"});
  CHECK(spec.resources.cpu == 3);
  CHECK(spec.resources.memory == 1'000'000'000);
  CHECK(spec.resources.shm_size == 1'000'000'000);
  CHECK(variable(own, "A") == "default");
  CHECK(variable(own, "B") == "own");
  CHECK(variable(own, "C") == "own");
}

TEST_CASE("a default is for the providers that know it; one that nobody takes is an error",
          "[plan][defaults]") {
  Bench bench;
  bench.workflows(R"(
workflows:
  - {name: a, provider: python, file: train.py}
  - {name: b, provider: bash, commands: [ls]}
defaults:
  version: "3.11"
)");
  CHECK(bench.plan("a").jobs[0].spec.python->version == "3.11");
  CHECK(bench.errors("b").empty());

  const auto error_of = [](const std::string& defaults) {
    Bench wrong;
    wrong.workflows("defaults: " + defaults +
                    "\nworkflows:\n  - {name: a, provider: python, file: train.py}\n");
    const auto errors = wrong.errors("a");
    return errors.size() == 1 ? errors[0] : std::to_string(errors.size()) + " errors";
  };
  CHECK(error_of("{requirments: r.txt}") ==
        "no workflow of this file takes the default 'requirments' @ "
        ".dstack/workflows.yaml:1:12+11 | did you mean 'requirements'?");
  CHECK(error_of("{url: x}").find("the workflows of this file have the provider 'python'") !=
        std::string::npos);
  CHECK(error_of("{file: train.py}").find("cannot be a default: provider 'python' requires it") !=
        std::string::npos);
  CHECK(error_of("{provider: bash}").find("'provider' belongs to a workflow") == 0);
  CHECK(error_of("[a]").find("'defaults' must be a map of properties, not a list @ ") == 0);
  CHECK(error_of("{timeout: soon}").find("@ .dstack/workflows.yaml:1:21") != std::string::npos);
  CHECK(error_of("~") == "0 errors");
}
