#include "views/run_table.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "ui/status.hpp"
#include "views/applications.hpp"

#include <algorithm>
#include <chrono>

namespace dstack::cli {

namespace {

using job::Status;
using store::RunRecord;
using store::WorkflowRecord;

/// No age is longer: "12 months ago".
constexpr std::chrono::days widest_age{364};

std::string submitted(const ui::Stream& stream, Timestamp time, Timestamp at) {
  return stream.terminal ? render_age(time, at) : render_time(time);
}

std::size_t widest_outcome(const ui::Stream& stream, const store::ListingBounds& bounds) {
  std::size_t widest = 0;
  for (const WorkflowRecord& workflow : bounds.outcomes) {
    ui::Outcome outcome = ui::outcome_of(workflow);
    outcome.reason.assign(bounds.reason, 'x');
    outcome.counts.assign(bounds.counts, 'x');
    widest = std::max(widest, display_width(ui::status_cell(stream, outcome).text));
  }
  return widest;
}

ui::Table make_table(const ui::Stream& stream,
                     RunTable::Projects projects,
                     Timestamp at,
                     const store::ListingBounds& bounds) {
  using Width = ui::Table::Width;
  const auto left = ui::Table::Align::left;
  const bool is_bounded = !bounds.outcomes.empty();
  const std::size_t age = is_bounded ? display_width(submitted(stream, at - widest_age, at)) : 0;
  std::vector<ui::Table::Column> columns = {
      {"RUN", left, Width::whole, bounds.run_name},
      {"WORKFLOW", left, Width::shrinks, bounds.workflow_name},
      {"STATUS", left, Width::shrinks, widest_outcome(stream, bounds)},
      {"SUBMITTED", left, Width::shrinks, age},
      {"DURATION"},
      {"TAG", left, Width::shrinks, bounds.tags}};
  if (projects == RunTable::Projects::shown)
    columns.push_back({"PROJECT", left, Width::shrinks, bounds.project});
  return ui::Table(std::move(columns));
}

}  // namespace

std::string what_holds_up(const std::vector<store::JobRecord>& jobs, const WorkflowRow& row) {
  for (const store::JobRecord& job : jobs)
    if (row.holds(job.workflow) && job.status == row.workflow.status && !job.reason.empty())
      return job.reason;
  return {};
}

std::vector<store::JobRecord> jobs_of(store::Records& records, const RunRecord& run) {
  return job::is_final(run.status) ? std::vector<store::JobRecord>()
                                   : records.jobs(run.id).value_or(std::vector<store::JobRecord>());
}

std::optional<std::chrono::milliseconds> duration_of(const RunRecord& run,
                                                     const WorkflowRecord& workflow,
                                                     const ClockReading& now) {
  if (!workflow.started_at)
    return std::nullopt;
  return job::duration(*workflow.started_at, workflow.finished_at, run.clock, now);
}

RunTable::RunTable(const ui::Stream& stream, Projects projects, const store::ListingBounds& bounds)
    : stream_(stream),
      projects_(projects),
      at_(process::read_clocks()),
      table_(make_table(stream, projects, at_.wall, bounds)) {}

std::string RunTable::take(store::Records& records, const std::vector<RunRecord>& runs) {
  for (const RunRecord& run : runs) {
    const auto jobs = jobs_of(records, run);
    add_addresses(run, jobs);
    for (const WorkflowRow& each : workflow_rows(run)) {
      const WorkflowRecord& workflow = each.workflow;
      const auto duration = duration_of(run, workflow, at_);
      ui::Outcome outcome = ui::outcome_of(workflow);
      outcome.reason = what_holds_up(jobs, each);
      outcome.counts = describe_counts(each);
      std::vector<ui::Cell> row = {{run.name, ui::Colour::bold},
                                   {workflow.name},
                                   ui::status_cell(stream_, outcome),
                                   {submitted(stream_, run.submitted_at, at_.wall)},
                                   {duration ? render_duration(*duration) : "-"},
                                   {workflow.tags.empty() ? "-" : join(workflow.tags, ", ")}};
      if (projects_ == Projects::shown)
        row.push_back({run.project});
      table_.add(std::move(row));
    }
  }
  return table_.take(stream_);
}

void RunTable::add_addresses(const RunRecord& run, const std::vector<store::JobRecord>& jobs) {
  for (const WorkflowRecord& workflow : run.workflows)  // of each combination its own
    for (const job::Application& app : running_apps(jobs, workflow.index))
      if (app.state == job::ApplicationState::ready)
        apps_ +=
            fmt::format("{} {}: {}\n", run.name, workflow.name, render_app(stream_, run.name, app));
}

}  // namespace dstack::cli
