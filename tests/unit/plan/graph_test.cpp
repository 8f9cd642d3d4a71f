#include "dstack/plan/graph.hpp"

#include "bench.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

/// A project without files: workflows by name with the names they depend on.
config::Project project_of(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& workflows) {
  config::Project project;
  for (const auto& [name, dependencies] : workflows) {
    config::Workflow workflow;
    workflow.name = name;
    for (const std::string& dependency : dependencies)
      workflow.depends_on.push_back({dependency, std::nullopt, {}});
    project.workflows.push_back(std::move(workflow));
  }
  return project;
}

std::vector<std::string> order_of(const config::Project& project, const std::string& target) {
  const WorkflowIndex index(project);
  std::vector<std::string> names;
  for (const std::size_t workflow : run_order(index, *index.find(target)))
    names.push_back(project.workflows[workflow].name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a run is its target and all that the target depends on, however far") {
  const auto project =
      project_of({{"train", {"clean"}}, {"other", {}}, {"clean", {"download"}}, {"download", {}}});
  CHECK(order_of(project, "train") == Names{"download", "clean", "train"});
  CHECK(order_of(project, "download") == Names{"download"});
}

TEST_CASE("a diamond has its top once") {
  const auto project =
      project_of({{"end", {"left", "right"}}, {"left", {"top"}}, {"right", {"top"}}, {"top", {}}});
  CHECK(order_of(project, "end") == Names{"top", "left", "right", "end"});
}

TEST_CASE("dependencies that do not exist and cycles do not keep the order from being made") {
  CHECK(order_of(project_of({{"a", {"nothing"}}}), "a") == Names{"a"});
  CHECK(order_of(project_of({{"a", {"b"}}, {"b", {"a"}}}), "a") == Names{"b", "a"});
  CHECK(order_of(project_of({{"a", {"a"}}}), "a") == Names{"a"});
}

TEST_CASE("a chain as long as a file can hold does not exhaust the stack") {
  std::vector<std::pair<std::string, Names>> workflows = {{"0", {}}};
  for (std::size_t i = 1; i < 100'000; ++i)
    workflows.push_back({std::to_string(i), {std::to_string(i - 1)}});
  const auto project = project_of(workflows);
  CHECK(order_of(project, "99999").size() == 100'000);
}

TEST_CASE("every workflow of a project comes once, after those it depends on") {
  const auto project = project_of({{"b", {"a"}}, {"a", {}}, {"c", {"a"}}});
  CHECK(whole_order(WorkflowIndex(project)) == std::vector<std::size_t>{1, 0, 2});
}

TEST_CASE("dependents are known for each workflow, once each") {
  Plan plan;
  plan.workflows.resize(3);
  const auto input = [](std::size_t producer) {
    Input made;
    made.producer = producer;
    return made;
  };
  plan.workflows[1].inputs = {input(0)};
  plan.workflows[2].inputs = {input(0), input(1), input(1)};
  CHECK(dependents(plan) == std::vector<std::vector<std::size_t>>{{1, 2}, {2}, {}});
}
