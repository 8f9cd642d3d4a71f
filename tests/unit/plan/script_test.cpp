#include "dstack/plan/script.hpp"

#include "bench.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

using Words = std::vector<std::string>;

/// The plan of a script as it is named in a folder of the project.
Result<Plan> make_in(const Bench& bench, const std::string& folder, const std::string& name) {
  Request request;
  request.target = name;
  request.place = folder;
  return make_plan(request, bench.context());
}

std::string file_of(const Result<Plan>& plan) {
  return plan ? json_string(plan->workflows[0].properties, "file")
              : plan_test::describe(plan.error());
}

}  // namespace

TEST_CASE("the ending of a file chooses its provider") {
  CHECK(provider_of_script("train.py") == "python");
  CHECK(provider_of_script("a/b/explore.ipynb") == "notebook");
  CHECK(provider_of_script("./x.sh") == "bash");
  for (const char* name : {"train", "train.pyc", ".py", "a/.sh", "train.PY", "py", "x.sh/"})
    CHECK(provider_of_script(name).empty());
}

TEST_CASE("a script is planned as a run of its provider, and named like its file") {
  Bench bench;
  bench.undefined().files({"jobs/train.py"});
  const Plan plan = bench.plan("jobs/train.py", {}, {"--lr", "a b"});
  CHECK(plan.target == "jobs/train.py");
  REQUIRE(plan.workflows.size() == 1);
  CHECK(plan.workflows[0].name == "train.py");
  CHECK(plan.workflows[0].provider == "python");
  CHECK(plan.jobs[0].spec.argv == Words{"python", "jobs/train.py", "--lr", "a b"});
}

TEST_CASE("a path is seen from the folder of the user, and a reference in it is text") {
  Bench bench;
  bench.workflows("workflows: []\n").files({"a/t.py", "top.py", "${{ x }}.py"});
  CHECK(file_of(make_in(bench, "a", "t.py")) == "a/t.py");
  CHECK(file_of(make_in(bench, "a/b", "../t.py")) == "a/t.py");
  CHECK(file_of(make_in(bench, "a", "../top.py")) == "top.py");
  CHECK(file_of(make_in(bench, "a", (bench.project().root / "top.py").string())) == "top.py");
  CHECK(file_of(make_in(bench, "", "${{ x }}.py")) == "${{ x }}.py");
  const auto outside = make_in(bench, "a", "../../other.py");
  REQUIRE_FALSE(outside);
  CHECK(outside.error().code == ErrorCode::not_found);
  CHECK_THAT(outside.error().message, Catch::Contains("is not in the project"));
  const auto missing = make_in(bench, "a", "top.py");
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().message, Catch::Contains("there is no file 'a/top.py'"));
  CHECK(missing.error().hint == "there is 'top.py'");
}

TEST_CASE("a script whose provider is missing is an error at its name") {
  Bench bench;
  bench.undefined().files({"x.ipynb"});
  const auto errors = bench.errors("x.ipynb");
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0],
             Catch::StartsWith("no provider is called 'notebook' @ command line:1:12+7"));
}
