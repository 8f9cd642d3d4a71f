#include "dstack/run/client/restart.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

/// `a`, and `b` after it.
plan::Plan two_workflows(const std::string& word) {
  plan::Plan plan;
  plan.project = "/home/me/quiet-otter-3";
  plan.run_name = "quiet-otter-3";
  plan.target = "b";
  plan.workflows.resize(2);
  plan.workflows[0].name = "a";
  plan.workflows[1].name = "b";
  plan.workflows[1].inputs.push_back({"a", 0, {}, {}, {}});
  plan.jobs.resize(2);
  plan.jobs[0].spec.commands = {"true"};
  plan.jobs[1].workflow = 1;
  plan.jobs[1].spec.commands = {"echo " + word};
  return plan;
}

}  // namespace

TEST_CASE("what a plan has of its run's name is the new one's, other names stay") {
  const auto word = [](const std::string& text) {
    return plan_again(two_workflows(text), "bold-ape-12", {false, false}, {}).jobs[1].spec.commands;
  };
  CHECK(word("out-quiet-otter-3/x")[0] == "echo out-bold-ape-12/x");
  CHECK(word("quiet-otter-3,quiet-otter-3")[0] == "echo bold-ape-12,bold-ape-12");
  CHECK(word("quiet-otter-31")[0] == "echo quiet-otter-31");
  CHECK(word("disquiet-otter-3")[0] == "echo disquiet-otter-3");
  const auto plan = plan_again(two_workflows("x"), "bold-ape-12", {false, false}, {});
  CHECK(plan.project == "/home/me/quiet-otter-3");
  CHECK(plan.run_name == "bold-ape-12");
  CHECK(plan.workflows[1].inputs[0].producer == 0);
}

TEST_CASE("what is done is not planned again: its artifacts are inputs of the rest") {
  const std::vector<job::Artifact> artifacts = {{.workflow = "a", .path = "data"},
                                                {.workflow = "b", .path = "other"}};
  const auto plan = plan_again(two_workflows("x"), "bold-ape-12", {true, false}, artifacts);
  REQUIRE(plan.workflows.size() == 1);
  REQUIRE(plan.jobs.size() == 1);
  CHECK(plan.jobs[0].workflow == 0);
  const plan::Input& input = plan.workflows[0].inputs[0];
  CHECK_FALSE(input.producer);
  CHECK(input.run == "quiet-otter-3");
  REQUIRE(input.artifacts.size() == 1);
  CHECK(input.artifacts[0].path == "data");
}
