#include "dstack/plan/named_secrets.hpp"

#include "dstack/config/project/secret_reference.hpp"

namespace dstack::plan {

std::vector<std::set<std::string>> secrets_by_workflow(const Plan& plan) {
  std::vector<std::set<std::string>> names(plan.workflows.size());
  for (std::size_t i = 0; i < plan.workflows.size(); ++i)
    names[i].insert(plan.workflows[i].secrets.begin(), plan.workflows[i].secrets.end());
  for (const PlannedJob& job : plan.jobs)
    for (const EnvironmentVariable& variable : job.environment)
      if (variable.is_secret())
        for (std::string& name : config::secrets_in(variable.value))
          names[job.workflow].insert(std::move(name));
  return names;
}

}  // namespace dstack::plan
