#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/signals.hpp"
#include "views/applications.hpp"
#include "views/run_pages.hpp"
#include "views/run_table.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <poll.h>

namespace dstack::cli {

namespace {

using store::RunRecord;
using store::WorkflowRecord;

constexpr int watch_milliseconds = 500;
constexpr std::size_t runs_to_suggest_from = 200;

Json optional_time(const std::optional<job::Moment>& moment) {
  return moment ? Json(render_time(moment->at)) : Json();
}

Json apps_json(const std::vector<store::JobRecord>& jobs, const WorkflowRow& row) {
  Json apps = Json::array();
  for (const job::Application& app : run::running_apps(jobs))
    if (row.holds(jobs[app.job].workflow))
      apps.push_back({{"name", app.name},
                      {"url", app.url},
                      {"ready", app.state == job::ApplicationState::ready}});
  return apps;
}

/// How many combinations a sweep has, and how many in each status; null where it is none.
Json combinations_json(const WorkflowRow& row) {
  if (row.combinations == 0)
    return {};
  Json counts = {{"total", row.combinations}};
  for (const auto& [status, count] : row.counts)
    counts[std::string(job::render(status))] = count;
  return counts;
}

Json workflow_json(const RunRecord& run,
                   const WorkflowRow& row,
                   const std::vector<store::JobRecord>& jobs,
                   const ClockReading& now) {
  const WorkflowRecord& workflow = row.workflow;
  Json entry = Json::object();
  entry["run"] = run.name;
  entry["workflow"] = workflow.name;
  entry["provider"] = workflow.provider;
  entry["status"] = job::render(workflow.status);
  const std::string reason = what_holds_up(jobs, row);
  entry["reason"] = reason.empty() ? Json() : Json(reason);
  entry["cause"] = workflow.cause ? Json(job::render(*workflow.cause)) : Json();
  entry["exit_code"] = workflow.exit_code ? Json(*workflow.exit_code) : Json();
  entry["signal"] = workflow.signal ? Json(*workflow.signal) : Json();
  entry["submitted_at"] = render_time(run.submitted_at);
  entry["started_at"] = optional_time(workflow.started_at);
  entry["finished_at"] = optional_time(workflow.finished_at);
  const auto duration = duration_of(run, workflow, now);
  entry["duration_seconds"] =
      duration ? Json(std::chrono::duration<double>(*duration).count()) : Json();
  entry["tags"] = workflow.tags;
  entry["apps"] = apps_json(jobs, row);
  entry["jobs"] = workflow.jobs;
  entry["combinations"] = combinations_json(row);
  entry["project"] = run.project;
  return entry;
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
    DSTACK_TRY(auto pages, find(context, records));
    if (json_)
      DSTACK_CHECK(print_json(context, records, pages));
    else if (pages.page().empty())
      context.messages.note(empty_note());
    else
      DSTACK_CHECK(print_table(context, records, pages));
    return exit_code::success;
  }

 private:
  Result<RunPages> find(const Context& context, store::Records& records) const {
    store::RunFilter filter;
    if (!all_projects_)
      filter.project = context.project().string();
    if (name_.empty())
      return select(records, filter);
    DSTACK_TRY(auto named, RunPages::open(records, {.name = name_, .most = 1}));
    if (!named.page().empty())
      return named;
    filter.workflow = name_;
    DSTACK_TRY(auto pages, select(records, filter));
    if (pages.page().empty() && most_ != 0)
      return refuse_name(context, records);
    return pages;
  }

  Result<RunPages> select(store::Records& records, store::RunFilter filter) const {
    filter.most = most_.value_or(0);
    if (most_ == 0)
      return RunPages::none(records);
    if (all_ || most_)
      return RunPages::open(records, filter);
    filter.unfinished = true;
    DSTACK_TRY(auto unfinished, RunPages::open(records, filter));
    if (!unfinished.page().empty())
      return unfinished;
    filter.unfinished = false;
    filter.most = 1;
    return RunPages::open(records, filter);
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
        for (const WorkflowRow& row : workflow_rows(run))
          names.insert(row.workflow.name);
      }
    const std::string guess = did_you_mean(name_, {names.begin(), names.end()});
    return std::move(failure).with_hint("{}",
                                        guess.empty() ? "'dstack ps -a' lists all runs" : guess);
  }

  std::string empty_note() const {
    return all_projects_ ? "no runs yet" : "no runs yet in this project; 'dstack run' starts one";
  }

  static Result<void> print_json(Context& context, store::Records& records, RunPages& pages) {
    ui::JsonArray list(context.out);
    const ClockReading now = process::read_clocks();
    for (bool has_page = true; has_page && !context.out.closed();) {
      for (const RunRecord& run : pages.page()) {
        const auto jobs = jobs_of(records, run);
        for (const WorkflowRow& row : workflow_rows(run))
          list.add(workflow_json(run, row, jobs, now));
      }
      context.out.flush();
      DSTACK_TRY(has_page, pages.next());
    }
    list.finish();
    return {};
  }

  Result<void> print_table(Context& context, store::Records& records, RunPages& pages) const {
    DSTACK_TRY(RunTable table, make_table(context, records, pages));
    for (bool has_page = true; has_page && !context.out.closed();) {
      context.out.write(table.take(records, pages.page()));
      context.out.flush();
      DSTACK_TRY(has_page, pages.next());
    }
    context.out.write(table.addresses());
    return {};
  }

  Result<RunTable> make_table(const Context& context,
                              store::Records& records,
                              const RunPages& pages) const {
    store::ListingBounds bounds;
    if (pages.has_more()) {
      DSTACK_TRY(bounds, records.listing_bounds());
    }
    return RunTable(context.out.stream(),
                    all_projects_ ? RunTable::Projects::shown : RunTable::Projects::hidden,
                    bounds);
  }

  /// What is printed again in a pipe when it changes; durations are left out.
  static std::string statuses(const std::vector<RunRecord>& runs) {
    std::string text;
    for (const RunRecord& run : runs)
      for (const WorkflowRow& row : workflow_rows(run))
        text += fmt::format(
            "{}:{} {}\n", run.name, job::render(row.workflow.status), describe_counts(row));
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

  struct Moment {
    std::string table;
    std::string statuses;
  };

  /// What there is to see now; on a terminal no more of it than the screen may hold.
  Result<Moment> look(Context& context) const {
    const ui::Stream& stream = context.out.stream();
    // Opened again each time: the database may be new, and supervisors may have died.
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(auto pages, find(context, records));
    if (pages.page().empty())
      return Moment{empty_note() + "\n", {}};
    DSTACK_TRY(RunTable table, make_table(context, records, pages));
    Moment moment;
    std::size_t runs = 0;
    for (bool has_page = true; has_page;) {
      moment.table += table.take(records, pages.page());
      moment.statuses += statuses(pages.page());
      runs += pages.page().size();
      if (stream.live && runs >= ui::screen_size(stream).rows)
        break;
      DSTACK_TRY(has_page, pages.next());
    }
    moment.table += table.addresses();
    return moment;
  }

  /// On a terminal the table changes in place; in a pipe it is printed again after each change.
  Result<int> watch(Context& context) {
    DSTACK_TRY(auto signals, Signals::open());
    const ui::Stream& stream = context.out.stream();
    std::string shown;
    while (!context.out.closed()) {
      DSTACK_TRY(const Moment moment, look(context));
      const std::string& current = stream.live ? moment.table : moment.statuses;
      if (current != shown || shown.empty()) {
        context.out.write(stream.live     ? picture(stream, moment.table)
                          : shown.empty() ? moment.table
                                          : "\n" + moment.table);
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
