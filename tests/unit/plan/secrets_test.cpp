#include "dstack/base/json_fields.hpp"
// Secrets in a plan: their names, never a value.
#include "bench.hpp"
#include "dstack/job/job_spec.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;
using plan_test::variable;

namespace {

using Words = std::vector<std::string>;

Bench with_headers() {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: get\n"
      "    provider: odd\n"
      "    headers:\n"
      "      Authorization: Bearer ${{ secrets.TOKEN }}\n");
  bench.secrets = {"TOKEN"};
  return bench;
}

constexpr const char* header = "Bearer ${{ secrets.TOKEN }}";

}  // namespace

TEST_CASE("every job has all secrets, above variables and below the command line") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    environment:\n"
      "      API_TOKEN: file\n"
      "      URL: https://${{ secrets.api-token }}@host\n");
  bench.variables("variables:\n  global: {api-token: variable, last: variable}\n");
  bench.secrets = {"api-token", "LAST"};
  const auto job = bench.plan("train", {"-e", "LAST=said"}).jobs[0];
  CHECK(variable(job, "API_TOKEN") == "API_TOKEN=${{ secrets.api-token }} (secret)");
  CHECK(variable(job, "URL") == "URL=https://${{ secrets.api-token }}@host (secret)");
  CHECK(variable(job, "LAST") == "LAST=said (command line)");
}

TEST_CASE("of two secrets that become one variable the later wins") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: train, provider: python, file: train.py}\n");
  bench.secrets = {"API_TOKEN", "api-token"};
  CHECK(variable(bench.plan("train").jobs[0], "API_TOKEN") ==
        "API_TOKEN=${{ secrets.api-token }} (secret)");
}

TEST_CASE("a plan keeps the names that its files refer to, also as JSON") {
  Bench bench = with_headers();
  job::JobSpec job;
  job.native = {{"url", "u"}, {"secrets", {{"headers", {{"Authorization", header}}}}}};
  bench.odd_reply.jobs = {job};
  const Plan plan = bench.plan("get");
  CHECK(plan.workflows[0].secrets == Words{"TOKEN"});
  CHECK(plan.workflows[0].properties["headers"]["Authorization"] == header);
  CHECK(from_json_value<Plan>(Json(plan), "a plan").value() == plan);
}

TEST_CASE(
    "a secret that does not exist is reported where it is used, with the command that adds it") {
  Bench bench = with_headers();
  bench.secrets = {"TOKENS"};
  job::JobSpec job;
  job.argv = {"true"};
  bench.odd_reply.jobs = {job};
  CHECK(bench.errors("get") ==
        Words{"there is no secret 'TOKEN' @ .dstack/workflows.yaml:5:33+13 | did you mean "
              "'TOKENS'?\n'dstack secrets add TOKEN' adds it"});
}

TEST_CASE("an entry of the environment that a secret hides is reported") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    commands: [ls]\n"
      "    environment: {TOKEN: 'a ${{ secrets.TOKEN }}', KEY: '${{ secrets.KEY }}', OTHER: x}\n");
  bench.secrets = {"KEY", "TOKEN"};
  CHECK(bench.plan("w").notices ==
        Words{"'TOKEN' in the environment of workflow 'w' has no effect: jobs have the secret "
              "'TOKEN' by that name"});
}

TEST_CASE("a variable of the command line that a secret would hide is refused") {
  Bench bench;
  bench.variables("variables:\n  w:\n    api-token: none\n    rate: 1\n");
  bench.workflows("workflows:\n  - {name: w, provider: bash, commands: [ls]}\n");
  bench.secrets = {"API_TOKEN"};
  CHECK(bench.errors("w", {"--api-token", "mine", "--rate", "2"}) ==
        Words{"'--api-token' would have no effect: jobs have the secret 'API_TOKEN' as API_TOKEN @ "
              "command line:1:14+11 | '-e API_TOKEN=VALUE' overrides the secret"});
  CHECK(bench.errors("w", {"--w.api-token=mine"}).size() == 1);
  CHECK(variable(bench.plan("w", {"-e", "API_TOKEN=mine"}).jobs[0], "API_TOKEN") ==
        "API_TOKEN=mine (command line)");
  bench.plan("w", {"--rate", "2"});
}

TEST_CASE("a reference to a secret on the command line is refused at its place") {
  Bench bench;
  bench.workflows("workflows:\n  - {name: train, provider: python, file: train.py}\n");
  bench.variables("variables:\n  global: {lr: 1}\n");
  bench.environment = {{"PASSED_ON", "${{ secrets.TOKEN }}"}};
  bench.secrets = {"TOKEN"};
  const std::string said =
      " | 'environment' of a workflow may refer to secrets; every "
      "job has this one as the variable TOKEN";
  const auto refused = [&](const Words& words) {
    const auto errors = bench.errors("train", words);
    REQUIRE(errors.size() == 1);
    INFO(errors[0]);
    CHECK(errors[0].ends_with(said));
    return errors[0].substr(0, errors[0].size() - said.size());
  };
  CHECK(refused({"--lr", "${{ secrets.TOKEN }}"}) ==
        "the secret 'TOKEN' cannot be used here @ command line:1:23+22");
  CHECK(refused({"--lr=${{secrets.TOKEN}}"}) ==
        "the secret 'TOKEN' cannot be used here @ command line:1:18+25");
  CHECK(refused({"-e", "X=a ${{ secrets.TOKEN }}"}) ==
        "the secret 'TOKEN' cannot be used here @ command line:1:21+26");
  CHECK(refused({"-e", "PASSED_ON"}) ==
        "the secret 'TOKEN' cannot be used here @ command line:1:21+9");
  CHECK(bench.errors("train", {"-e", "X=$${{ secrets.TOKEN }}"}).empty());
}

TEST_CASE("a provider that would show a secret is refused") {
  Bench bench = with_headers();
  job::JobSpec job;
  job.argv = {"curl", "-H", header};
  bench.odd_reply.jobs = {job};
  CHECK(bench.errors("get") ==
        Words{"provider 'odd' would show the secret 'TOKEN' in its job, where others can read it "
              "@ .dstack/workflows.yaml:5:33+13 | every job has the secret as the variable TOKEN"});
}

TEST_CASE("a provider may pass a secret on as a variable") {
  Bench bench = with_headers();
  job::JobSpec job;
  job.argv = {"true"};
  job.environment = {{"HEADER", header}};
  bench.odd_reply.jobs = {job};
  CHECK(variable(bench.plan("get").jobs[0], "HEADER") ==
        "HEADER=" + std::string(header) + " (secret)");
}
