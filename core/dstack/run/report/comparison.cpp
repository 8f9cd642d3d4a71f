#include "dstack/run/report/comparison.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/report/saved_metrics.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <array>

namespace dstack::run {

namespace {

using metrics::MetricSummary;

/// Of one metric.
struct Aspect {
  const char* prefix;
  query::Value (*value)(const MetricSummary& metric);
};

query::Value value_in(const std::optional<metrics::Sample>& sample) {
  return sample ? query::Value(sample->value) : query::Value();
}

query::Value step_in(const std::optional<metrics::Sample>& sample) {
  return sample ? query::Value(static_cast<double>(sample->step)) : query::Value();
}

constexpr std::array aspects = {
    Aspect{"last:", [](const MetricSummary& metric) { return query::Value(metric.last.value); }},
    Aspect{"min:", [](const MetricSummary& metric) { return value_in(metric.lowest); }},
    Aspect{"max:", [](const MetricSummary& metric) { return value_in(metric.highest); }},
    Aspect{"step@min:", [](const MetricSummary& metric) { return step_in(metric.lowest); }},
    Aspect{"step@max:", [](const MetricSummary& metric) { return step_in(metric.highest); }},
    Aspect{"points:",
           [](const MetricSummary& metric) {
             return query::Value(static_cast<double>(metric.count));
           }},
};

const MetricSummary* find_metric(const ComparedWorkflow& row, std::string_view name) {
  const auto found = std::find_if(row.metrics.begin(), row.metrics.end(), [&](const auto& metric) {
    return metric.name == name;
  });
  return found == row.metrics.end() ? nullptr : &*found;
}

/// A column that every row has.
struct FixedColumn {
  const char* name;
  query::Value (*value)(const ComparedWorkflow& row);
};

constexpr std::array fixed = {
    FixedColumn{"run", [](const ComparedWorkflow& row) { return query::Value(row.run); }},
    FixedColumn{"workflow", [](const ComparedWorkflow& row) { return query::Value(row.workflow); }},
    FixedColumn{"combination",
                [](const ComparedWorkflow& row) { return query::Value(row.combination); }},
    FixedColumn{"status", [](const ComparedWorkflow& row) { return query::Value(row.status); }},
    FixedColumn{"duration", [](const ComparedWorkflow& row) { return row.duration; }},
    FixedColumn{"submitted",
                [](const ComparedWorkflow& row) { return query::Value(row.submitted); }},
    FixedColumn{"tags", [](const ComparedWorkflow& row) { return query::Value(row.tags); }},
};

/// The aspect that a column names, and of which metric; null: it names none.
std::pair<const Aspect*, std::string_view> split_column(std::string_view column) {
  for (const Aspect& aspect : aspects)
    if (const std::string_view prefix = aspect.prefix; column.starts_with(prefix))
      return {&aspect, column.substr(prefix.size())};
  return {nullptr, {}};
}

/// Of workflows whose jobs reported nothing.
Result<void> add_saved(const files::Home& home,
                       store::Records& records,
                       const store::RunRecord& run,
                       std::vector<ComparedWorkflow>& rows) {
  if (std::none_of(rows.begin(), rows.end(), [](const auto& row) { return row.metrics.empty(); }))
    return {};
  DSTACK_TRY(const auto all, records.artifacts(run.id));
  const store::ObjectStore objects(home);
  for (const store::WorkflowRecord& workflow : run.workflows) {
    ComparedWorkflow& row = rows[workflow.index];
    if (!row.metrics.empty())
      continue;
    DSTACK_TRY(const SavedMetrics saved,
               read_saved_metrics(objects, artifacts_of(all, workflow.name)));
    row.metrics = summaries_of(saved);
  }
  return {};
}

}  // namespace

Result<std::vector<ComparedWorkflow>> compare_workflows(const files::Home& home,
                                                        store::Records& records,
                                                        const store::RunRecord& run) {
  DSTACK_TRY(const RunOrder order, read_run_order(records, run));
  DSTACK_TRY(auto summaries, metrics::read_summaries(home, run.name));
  const ClockReading at = process::read_clocks();
  std::vector<ComparedWorkflow> rows(run.workflows.size());
  for (const store::WorkflowRecord& workflow : run.workflows) {
    ComparedWorkflow& row = rows[workflow.index];
    row.run = run.name;
    row.index = workflow.index;
    row.workflow = sweep::workflow_of(workflow.name);
    row.combination = sweep::combination_of(workflow.name);
    row.status = job::render(workflow.status);
    if (workflow.started_at)
      row.duration = std::chrono::duration<double>(
                         job::duration(*workflow.started_at, workflow.finished_at, run.clock, at))
                         .count();
    row.submitted = render_time(run.submitted_at);
    row.tags = join(workflow.tags, " ");
    for (const plan::EnvironmentVariable& variable : order.plan.workflows[workflow.index].variables)
      row.variables.emplace_back(variable.name, variable.value);
  }
  for (metrics::JobSummary& summary : summaries) {
    if (summary.job >= order.plan.jobs.size())
      continue;
    ComparedWorkflow& row = rows[order.plan.jobs[summary.job].workflow];
    for (MetricSummary& metric : summary.metrics)
      if (find_metric(row, metric.name) == nullptr)
        row.metrics.push_back(std::move(metric));
  }
  DSTACK_CHECK(add_saved(home, records, run, rows));
  for (const plan::PlannedJob& job : order.plan.jobs)
    if (job.spec.metrics && rows[job.workflow].best.empty())
      rows[job.workflow].best = job.spec.metrics->best;
  return rows;
}

const std::vector<std::string>& fixed_columns() {
  static const std::vector<std::string> columns = [] {
    std::vector<std::string> names;
    for (const FixedColumn& column : fixed)
      names.emplace_back(column.name);
    return names;
  }();
  return columns;
}

query::Value value_of(const ComparedWorkflow& row, const std::string& column) {
  for (const FixedColumn& each : fixed)
    if (column == each.name)
      return each.value(row);
  for (const auto& [name, value] : row.variables)
    if (name == column)
      return value;
  if (const MetricSummary* metric = find_metric(row, column))
    return metric->last.value;
  const auto [aspect, name] = split_column(column);
  const MetricSummary* metric = aspect == nullptr ? nullptr : find_metric(row, name);
  return metric == nullptr ? query::Value() : aspect->value(*metric);
}

std::string metric_of_column(const std::string& column) {
  return std::string(split_column(column).second);
}

}  // namespace dstack::run
