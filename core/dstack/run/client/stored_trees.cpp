#include "dstack/run/client/stored_trees.hpp"

#include "dstack/base/log.hpp"
#include "dstack/run/protocol/kept_changes.hpp"
#include "dstack/run/protocol/run_order.hpp"

namespace dstack::run {

namespace {

std::vector<std::string> tags_of(const store::RunRecord& run, const std::string& workflow) {
  for (const store::WorkflowRecord& each : run.workflows)
    if (each.name == workflow)
      return each.tags;
  return {};
}

void add_inputs(store::Records& records,
                const store::RunRecord& run,
                std::vector<store::Root>& roots) {
  const auto order = read_run_order(records, run);
  if (!order) {
    log::info(
        fmt::format("the inputs of run '{}' are not known: {}", run.name, render(order.error())));
    return;
  }
  for (const plan::PlannedWorkflow& workflow : order->plan.workflows)
    for (const job::InputFile& input : workflow.input_files)
      if (input.tree)
        roots.push_back({run.name,
                         fmt::format("input '{}' of workflow '{}'", input.path, workflow.name),
                         {},
                         *input.tree});
}

}  // namespace

Result<std::vector<NamedTrees>> trees_on_record(const files::Home& home, store::Records& records) {
  std::vector<NamedTrees> all;
  all.push_back({store::ObjectStore(home), {}});
  DSTACK_TRY(const auto runs, records.find_runs({}));
  for (const store::RunRecord& run : runs) {
    std::vector<store::Root>& roots = all.front().roots;
    roots.push_back({run.name, "the code", {}, run.code.snapshot});
    add_inputs(records, run, roots);
    DSTACK_TRY(const auto artifacts, records.artifacts(run.id));
    for (const job::Artifact& artifact : artifacts)
      roots.push_back(
          {run.name,
           fmt::format("artifact '{}' of workflow '{}'", artifact.path, artifact.workflow),
           tags_of(run, artifact.workflow),
           artifact.tree});
    DSTACK_TRY(const auto edits, records.edits(run.id));
    std::vector<store::Root> kept;
    for (const job::Edits& of_job : edits)
      kept.push_back({run.name, "what a job changed beside its artifacts", {}, of_job.files});
    // What an older version kept is in the home's store.
    if (auto own = own_store_of_changes(home, run.name))
      all.push_back({*std::move(own), std::move(kept)});
    else
      all.front().roots.insert(all.front().roots.end(), kept.begin(), kept.end());
  }
  return all;
}

}  // namespace dstack::run
