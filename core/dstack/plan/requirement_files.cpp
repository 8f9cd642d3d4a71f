// Files of requirements whose mistakes can be seen before a run starts.
#include "dstack/plan/draft.hpp"
#include "dstack/python/project_files.hpp"

#include <set>

namespace dstack::plan {

void check_requirement_files(const Drafts& drafts,
                             const PlanningContext& context,
                             std::vector<Error>& errors) {
  if (!context.choose_python)
    return;
  std::set<std::vector<std::string>> known;
  for (const Draft& draft : drafts.all)
    for (const job::JobSpec& job : draft.jobs) {
      if (!job.python || !known.insert(job.python->requirements).second)
        continue;
      auto checked =
          python::check_project_files(*job.python, context.project.root, context.environment);
      if (checked)
        continue;
      Error error = std::move(checked).error();
      if (!error.where)
        error.where = place_of(draft, "requirements");
      errors.push_back(std::move(error));
    }
}

}  // namespace dstack::plan
