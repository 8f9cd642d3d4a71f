#include "views/workflow_rows.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/schedule/scheduler.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

using store::WorkflowRecord;

bool is_earlier(const std::optional<job::Moment>& a, const std::optional<job::Moment>& b) {
  return a && (!b || a->elapsed < b->elapsed);
}

/// Of the first that ended in this way.
void take_outcome(WorkflowRecord& whole, const WorkflowRecord& one) {
  whole.cause = one.cause;
  whole.exit_code = one.exit_code;
  whole.signal = one.signal;
}

WorkflowRow combine(const std::vector<const WorkflowRecord*>& all) {
  WorkflowRow row{*all.front(), all.size()};
  WorkflowRecord& whole = row.workflow;
  whole.name = std::string(sweep::workflow_of(whole.name));
  whole.jobs = 0;
  run::Tally tally;
  for (const WorkflowRecord* one : all) {
    tally.add(one->status);
    ++row.counts[one->status];
    whole.jobs += one->jobs;
    if (is_earlier(one->started_at, whole.started_at))
      whole.started_at = one->started_at;
    if (is_earlier(whole.finished_at, one->finished_at))
      whole.finished_at = one->finished_at;
    std::erase_if(whole.tags, [&](const std::string& tag) {
      return std::find(one->tags.begin(), one->tags.end(), tag) == one->tags.end();
    });
  }
  whole.status = tally.combined();
  if (!job::is_final(whole.status))
    whole.finished_at.reset();
  whole.cause.reset();
  whole.exit_code.reset();
  whole.signal.reset();
  const auto first = std::find_if(all.begin(), all.end(), [&](const WorkflowRecord* one) {
    return one->status == whole.status && one->cause;
  });
  if (first != all.end())
    take_outcome(whole, **first);
  return row;
}

}  // namespace

std::vector<WorkflowRow> workflow_rows(const store::RunRecord& run) {
  std::vector<WorkflowRow> rows;
  for (std::size_t first = 0; first < run.workflows.size();) {
    const std::string_view name = sweep::workflow_of(run.workflows[first].name);
    std::vector<const WorkflowRecord*> same;
    for (std::size_t next = first;
         next < run.workflows.size() && sweep::workflow_of(run.workflows[next].name) == name;
         ++next)
      same.push_back(&run.workflows[next]);
    const bool swept = !sweep::combination_of(same.front()->name).empty();
    rows.push_back(swept ? combine(same) : WorkflowRow{*same.front()});
    first += swept ? same.size() : 1;
  }
  return rows;
}

std::vector<std::string> tags_of(const store::RunRecord& run) {
  std::vector<std::string> tags;
  for (const WorkflowRecord& workflow : run.workflows)
    for (const std::string& tag : workflow.tags)
      if (std::string name = fmt::format("{}:{}", sweep::workflow_of(workflow.name), tag);
          std::find(tags.begin(), tags.end(), name) == tags.end())
        tags.push_back(std::move(name));
  return tags;
}

std::string describe_counts(const WorkflowRow& row) {
  if (row.combinations == 0)
    return {};
  const auto count = [&](job::Status status) {
    const auto found = row.counts.find(status);
    return found == row.counts.end() ? std::size_t{0} : found->second;
  };
  if (count(job::Status::done) == row.combinations)
    return plural(row.combinations, "combination");
  std::string text = fmt::format("{} of {} done", count(job::Status::done), row.combinations);
  for (const job::Status status : {job::Status::failed,
                                   job::Status::skipped,
                                   job::Status::stopped,
                                   job::Status::aborted,
                                   job::Status::running})
    if (const std::size_t number = count(status); number > 0)
      text += fmt::format(", {} {}", number, job::render(status));
  return text;
}

}  // namespace dstack::cli
