#include "dstack/run/removal/rule.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/removal/remove.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace dstack::run {

bool is_tagged(const store::RunRecord& run) {
  return std::any_of(run.workflows.begin(),
                     run.workflows.end(),
                     [](const store::WorkflowRecord& workflow) { return !workflow.tags.empty(); });
}

std::vector<store::RunRecord> runs_beyond(const config::Retention& rule,
                                          const std::string& workflow,
                                          std::vector<store::RunRecord> runs,
                                          Timestamp at) {
  std::map<std::pair<std::string, std::string>, std::uint64_t> newer;  // by project and target
  std::erase_if(runs, [&](const store::RunRecord& run) {
    const std::uint64_t before = newer[{run.project, run.target}]++;
    const bool is_named =
        (!rule.keep || before >= *rule.keep) &&
        (!rule.older || at - (run.finished_at ? run.finished_at->at : at) > *rule.older);
    return !is_named || !job::is_final(run.status) || is_tagged(run) ||
           (!workflow.empty() && run.target != workflow);
  });
  return runs;
}

Result<void> apply_retention(const files::Home& home,
                             store::Records& records,
                             const store::RunRecord& self) {
  DSTACK_TRY(const config::Settings settings, config::load_settings(home.config()));
  if (settings.retention.empty())
    return {};
  store::RunFilter filter;
  filter.project = self.project;
  DSTACK_TRY(auto all, records.find_runs(filter));
  auto runs = runs_beyond(settings.retention, "", std::move(all), now());
  std::erase_if(runs, [&](const store::RunRecord& run) { return run.id == self.id; });
  if (runs.empty())
    return {};
  DSTACK_TRY(const store::Removed freed, remove(home, records, runs));
  (void)freed;
  return {};
}

}  // namespace dstack::run
