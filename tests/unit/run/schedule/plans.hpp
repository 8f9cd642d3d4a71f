// Plans for tests of what is scheduled: jobs of `true`, and how they hang together.
#pragma once

#include "dstack/plan/plan.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dstack::run::test {

/// One job for each workflow; `inputs[i]` are the workflows that workflow i depends on.
inline plan::Plan plan_of(const std::vector<std::vector<std::size_t>>& inputs) {
  plan::Plan plan;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    plan::PlannedWorkflow workflow;
    workflow.name = "w" + std::to_string(i);
    for (const std::size_t producer : inputs[i]) {
      plan::Input input;
      input.workflow = "w" + std::to_string(producer);
      input.producer = producer;
      workflow.inputs.push_back(input);
    }
    plan.workflows.push_back(workflow);
    plan::PlannedJob job;
    job.workflow = i;
    job.spec.argv = {"true"};
    plan.jobs.push_back(job);
  }
  return plan;
}

/// One workflow; `masters[i]` is the master of job i, or -1. Each may be retried `retry` times.
inline plan::Plan plan_with_masters(const std::vector<int>& masters, std::uint32_t retry = 0) {
  plan::Plan plan;
  plan.workflows.resize(1);
  plan.workflows[0].name = "train";
  for (const int master : masters) {
    plan::PlannedJob job;
    job.spec.argv = {"true"};
    job.spec.retry = retry;
    if (master >= 0)
      job.spec.master = static_cast<std::uint32_t>(master);
    plan.jobs.push_back(job);
  }
  return plan;
}

}  // namespace dstack::run::test
