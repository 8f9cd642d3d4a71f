#include "dstack/plan/plan.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

bool same(const job::Artifact& a, const job::Artifact& b) {
  return a.workflow == b.workflow && a.path == b.path && a.tree == b.tree && a.partial == b.partial;
}

}  // namespace

bool Input::operator==(const Input& other) const {
  return workflow == other.workflow && producer == other.producer && tag == other.tag &&
         run == other.run && folder == other.folder &&
         std::equal(artifacts.begin(),
                    artifacts.end(),
                    other.artifacts.begin(),
                    other.artifacts.end(),
                    same);
}

std::optional<std::size_t> master_of(const Plan& plan, std::size_t job) {
  const auto master = plan.jobs[job].spec.master;
  if (!master)
    return std::nullopt;
  std::size_t first = job;
  while (first > 0 && plan.jobs[first - 1].workflow == plan.jobs[job].workflow)
    --first;
  return first + *master;
}

std::vector<std::vector<std::size_t>> dependents(const Plan& plan) {
  std::vector<std::vector<std::size_t>> waiting(plan.workflows.size());
  for (std::size_t workflow = 0; workflow < plan.workflows.size(); ++workflow)
    for (const Input& input : plan.workflows[workflow].inputs)
      // One that depends twice on the same workflow is listed once.
      if (input.producer &&
          (waiting[*input.producer].empty() || waiting[*input.producer].back() != workflow))
        waiting[*input.producer].push_back(workflow);
  return waiting;
}

}  // namespace dstack::plan
