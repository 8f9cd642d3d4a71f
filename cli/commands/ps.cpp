#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/signals.hpp"
#include "ui/status.hpp"
#include "views/applications.hpp"

#include <algorithm>
#include <set>

#include <poll.h>

namespace dstack::cli {

namespace {

using job::Status;
using store::RunRecord;
using store::WorkflowRecord;

constexpr int watch_milliseconds = 500;
constexpr std::size_t runs_to_suggest_from = 200;

Json optional_time(const std::optional<Timestamp>& time) {
  return time ? Json(render_time(*time)) : Json();
}

Json apps_json(const std::vector<store::JobRecord>& jobs, std::size_t workflow) {
  Json apps = Json::array();
  for (const job::Application& app : running_apps(jobs, workflow))
    apps.push_back({{"name", app.name},
                    {"url", app.url},
                    {"ready", app.state == job::ApplicationState::ready}});
  return apps;
}

Json workflow_json(const RunRecord& run,
                   const WorkflowRecord& workflow,
                   const std::vector<store::JobRecord>& jobs) {
  Json entry = Json::object();
  entry["run"] = run.name;
  entry["workflow"] = workflow.name;
  entry["provider"] = workflow.provider;
  entry["status"] = job::render(workflow.status);
  entry["cause"] = workflow.cause ? Json(job::render(*workflow.cause)) : Json();
  entry["exit_code"] = workflow.exit_code ? Json(*workflow.exit_code) : Json();
  entry["signal"] = workflow.signal ? Json(*workflow.signal) : Json();
  entry["submitted_at"] = render_time(run.submitted_at);
  entry["started_at"] = optional_time(workflow.started_at);
  entry["finished_at"] = optional_time(workflow.finished_at);
  entry["tags"] = workflow.tags;
  entry["apps"] = apps_json(jobs, workflow.index);
  entry["jobs"] = workflow.jobs;
  entry["project"] = run.project;
  return entry;
}

std::string duration_of(const WorkflowRecord& workflow, Timestamp at) {
  if (!workflow.started_at)
    return "-";
  return render_duration(workflow.finished_at.value_or(at) - *workflow.started_at);
}

class Ps final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument("RUN|WORKFLOW",
                  name_,
                  Need::optional,
                  "only this run, or only this workflow of the runs that have it")
        .flag("-a,--all", all_, "all runs of the project")
        .option("-n,--last", "N", most_, "the last N runs")
        .flag("-w,--watch", watch_, "keep running, and show every change until Ctrl-C")
        .flag("--all-projects", all_projects_, "runs of every project of this home")
        .flag("--json", json_, "as JSON: an array with an object for each workflow of each run")
        .example("dstack ps", "what runs now, or ran last")
        .example("dstack ps -n 5", "the last five runs")
        .example("dstack ps train -a", "all runs of one workflow")
        .example("dstack ps -a --json", "everything, for a program");
  }

  Result<int> run(Context& context) override {
    if (watch_ && json_)
      return fail(ErrorCode::usage, "'--watch' and '--json' cannot be used together");
    if (watch_)
      return watch(context);
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto runs, wanted(context, records));
    if (json_)
      print_json(context, records, runs);
    else if (runs.empty())
      context.messages.note(empty_note());
    else
      context.out.write(render(context, records, runs));
    return exit_code::success;
  }

 private:
  Result<std::vector<RunRecord>> wanted(const Context& context, store::Records& records) const {
    store::RunFilter filter;
    if (!all_projects_)
      filter.project = context.project().string();
    if (name_.empty())
      return select(records, filter);
    DSTACK_TRY(auto run, records.find_run(name_));
    if (run)
      return std::vector<RunRecord>{*std::move(run)};
    filter.workflow = name_;
    DSTACK_TRY(auto runs, select(records, filter));
    if (runs.empty() && most_ != 0)
      return refuse_name(context, records);
    for (RunRecord& each : runs)
      std::erase_if(each.workflows,
                    [&](const WorkflowRecord& workflow) { return workflow.name != name_; });
    return runs;
  }

  Result<std::vector<RunRecord>> select(store::Records& records, store::RunFilter filter) const {
    filter.most = most_.value_or(0);
    if (all_ || most_)
      return most_ == 0 ? std::vector<RunRecord>() : records.find_runs(filter);
    filter.unfinished = true;
    DSTACK_TRY(auto unfinished, records.find_runs(filter));
    if (!unfinished.empty())
      return unfinished;
    filter.unfinished = false;
    filter.most = 1;
    return records.find_runs(filter);
  }

  Failure refuse_name(const Context& context, store::Records& records) const {
    Failure failure = fail(ErrorCode::not_found,
                           "there is no run '{}', and no run{} has a workflow of this name",
                           name_,
                           all_projects_ ? "" : " of this project");
    const auto root = config::find_project(context.folder);
    const auto project = root ? config::load_project(*root) : config::undefined_project({});
    if (project && project->find(name_) != nullptr)
      return std::move(failure).with_hint("the workflow has not run yet: 'dstack run {}'", name_);
    store::RunFilter filter;
    filter.project = context.project().string();
    filter.most = runs_to_suggest_from;
    std::set<std::string> names;
    if (const auto runs = records.find_runs(filter))
      for (const RunRecord& run : *runs) {
        names.insert(run.name);
        for (const WorkflowRecord& workflow : run.workflows)
          names.insert(workflow.name);
      }
    const std::string guess = did_you_mean(name_, {names.begin(), names.end()});
    return std::move(failure).with_hint("{}",
                                        guess.empty() ? "'dstack ps -a' lists all runs" : guess);
  }

  std::string empty_note() const {
    return all_projects_ ? "no runs yet" : "no runs yet in this project; 'dstack run' starts one";
  }

  static void print_json(Context& context,
                         store::Records& records,
                         const std::vector<RunRecord>& runs) {
    Json list = Json::array();
    for (const RunRecord& run : runs) {
      const auto jobs = jobs_of(records, run);
      for (const WorkflowRecord& workflow : run.workflows)
        list.push_back(workflow_json(run, workflow, jobs));
    }
    context.out.json(list);
  }

  /// Not read for runs that are over: nothing of their jobs is shown.
  static std::vector<store::JobRecord> jobs_of(store::Records& records, const RunRecord& run) {
    return job::is_final(run.status)
               ? std::vector<store::JobRecord>()
               : records.jobs(run.id).value_or(std::vector<store::JobRecord>());
  }

  /// A line for each application that answers.
  static std::string addresses(const ui::Stream& stream,
                               const RunRecord& run,
                               const std::vector<store::JobRecord>& jobs) {
    std::string lines;
    for (const WorkflowRecord& workflow : run.workflows)
      for (const job::Application& app : running_apps(jobs, workflow.index))
        if (app.state == job::ApplicationState::ready)
          lines += fmt::format("{} {}: {}\n", run.name, workflow.name, render_app(stream, app));
    return lines;
  }

  /// What a queued workflow waits for; only its jobs have that.
  static std::string reason(const std::vector<store::JobRecord>& jobs, std::size_t workflow) {
    for (const store::JobRecord& job : jobs)
      if (job.workflow == workflow && job.status == Status::queued && !job.reason.empty())
        return job.reason;
    return {};
  }

  std::string render(const Context& context,
                     store::Records& records,
                     const std::vector<RunRecord>& runs) const {
    const ui::Stream& stream = context.out.stream();
    using Width = ui::Table::Width;
    const auto left = ui::Table::Align::left;
    std::vector<ui::Table::Column> columns = {{"RUN"},
                                              {"WORKFLOW", left, Width::shrinks},
                                              {"STATUS", left, Width::shrinks},
                                              {"SUBMITTED", left, Width::shrinks},
                                              {"DURATION"},
                                              {"TAG", left, Width::shrinks}};
    if (all_projects_)
      columns.push_back({"PROJECT", left, Width::shrinks});
    ui::Table table(std::move(columns));
    const Timestamp at = now();
    std::string apps;
    for (const RunRecord& run : runs) {
      const auto jobs = jobs_of(records, run);
      apps += addresses(stream, run, jobs);
      for (const WorkflowRecord& workflow : run.workflows) {
        ui::Outcome outcome = ui::outcome_of(workflow);
        outcome.reason = reason(jobs, workflow.index);
        std::vector<ui::Cell> row = {
            {run.name, ui::Colour::bold},
            {workflow.name},
            ui::status_cell(stream, outcome),
            {stream.terminal ? render_age(run.submitted_at, at) : render_time(run.submitted_at)},
            {duration_of(workflow, at)},
            {workflow.tags.empty() ? "-" : join(workflow.tags, ", ")}};
        if (all_projects_)
          row.push_back({run.project});
        table.add(std::move(row));
      }
    }
    return table.render(stream) + (apps.empty() ? "" : "\n" + apps);
  }

  /// What is printed again in a pipe when it changes; durations are left out.
  static std::string statuses(const std::vector<RunRecord>& runs) {
    std::string text;
    for (const RunRecord& run : runs)
      for (const WorkflowRecord& workflow : run.workflows)
        text += fmt::format("{}:{}\n", run.name, job::render(workflow.status));
    return text;
  }

  /// As much of the table as fits on the screen, replacing its content.
  static std::string picture(const ui::Stream& stream, const std::string& table) {
    std::string text = "\033[H\033[J";
    const std::size_t rows = ui::screen_size(stream).rows;
    std::size_t used = 1;
    for (const std::string_view line : split(table, '\n'))
      if (!line.empty() && ++used <= rows)
        text += std::string(line) + "\n";
    return text;
  }

  /// On a terminal the table changes in place; in a pipe it is printed again after each change.
  Result<int> watch(Context& context) {
    DSTACK_TRY(auto signals, Signals::open());
    const ui::Stream& stream = context.out.stream();
    std::string shown;
    while (!context.out.closed()) {
      // Opened again each time: the database may be new, and supervisors may have died.
      DSTACK_TRY(auto records, open_records(context));
      DSTACK_TRY(const auto runs, wanted(context, records));
      const std::string table = runs.empty() ? empty_note() + "\n" : render(context, records, runs);
      const std::string current = stream.live ? table : statuses(runs);
      if (current != shown || shown.empty()) {
        context.out.write(stream.live     ? picture(stream, table)
                          : shown.empty() ? table
                                          : "\n" + table);
        context.out.flush();
        shown = current.empty() ? "none" : current;
      }
      pollfd polled{signals.fd(), POLLIN, 0};
      ::poll(&polled, 1, watch_milliseconds);
      while (const auto signal = signals.take())
        if (*signal != SIGCONT)
          return 128 + *signal;
    }
    return exit_code::success;
  }

  std::string name_;
  bool all_ = false;
  std::optional<std::size_t> most_;
  bool watch_ = false;
  bool all_projects_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_ps() {
  return std::make_unique<Ps>();
}

}  // namespace dstack::cli
