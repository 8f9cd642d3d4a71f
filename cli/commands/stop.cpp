#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/client/control.hpp"
#include "dstack/run/client/follow.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/run_view.hpp"
#include "follow/waiter.hpp"
#include "ui/prompt.hpp"
#include "ui/status.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

using job::StopRequest;
using store::RunRecord;

class Stop final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument("RUN",
                  name_,
                  Need::optional,
                  "the run, or RUN/COMBINATION of a sweep; omitted with '--all'")
        .argument("WORKFLOW", workflow_, Need::optional, "only this workflow of it")
        .flag("-x,--abort", abort_, "kill at once, and save nothing")
        .flag("--all", all_, "every unfinished run of the project")
        .flag("-y,--yes", yes_, "do not ask")
        .note(
            "The whole process tree of a job gets SIGTERM, and SIGKILL after the grace period of "
            "the\n"
            "settings. What it has written by then is saved, marked as partial. Waits for the end.")
        .example("dstack stop quiet-otter-3", "stop a run and save what it made so far")
        .example("dstack stop quiet-otter-3 train -x", "kill one workflow of it")
        .example("dstack stop --all -y", "stop everything in this project");
  }

  Result<int> run(Context& context) override {
    if (all_ == !name_.empty())
      return fail(ErrorCode::usage,
                  "{}",
                  all_ ? "'--all' stops every run, and takes no name"
                       : "'dstack stop' needs RUN, or '--all'")
          .with_hint("'dstack ps' lists the runs");
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    std::vector<RunRecord> runs;
    if (all_) {
      store::RunFilter filter;
      filter.project = context.project().string();
      filter.unfinished = true;
      DSTACK_TRY(runs, records.find_runs(filter));
    } else {
      DSTACK_TRY(auto reference, find_part(context, records, name_));
      DSTACK_TRY(part_, run::Selection::make(reference.run, workflow_, reference.combination));
      runs.push_back(std::move(reference.run));
    }
    if (runs.empty()) {
      context.messages.note("this project has no unfinished runs");
      return exit_code::success;
    }
    if (all_ && !yes_) {
      DSTACK_TRY(const bool sure,
                 ui::confirm(context.messages,
                             (abort_ ? "Abort " : "Stop ") + plural(runs.size(), "run") + "?",
                             fmt::format("stopping {}", plural(runs.size(), "run"))));
      if (!sure)
        return exit_code::failure;
    }
    return stop_all(context, records, runs);
  }

 private:
  Result<int> stop_all(Context& context, store::Records& records, std::vector<RunRecord>& runs) {
    DSTACK_TRY(auto signals, Signals::open());
    const StopRequest request = abort_ ? StopRequest::abort : StopRequest::stop;
    for (const RunRecord& run : runs) {
      const auto asked = run::stop(context.home, records, run, part_, request);
      // One that has ended, perhaps just now, is what was asked for.
      if (!asked && asked.error().code != ErrorCode::conflict)
        return Failure(asked.error());
    }
    for (const RunRecord& run : runs) {
      Waiter waiter(signals, part_);
      run::FollowOptions options;
      options.wake_fd = signals.fd();
      options.output = false;
      store::RunState state;
      DSTACK_CHECK(run::follow(context.home, records, run.name, state, waiter, options));
      if (waiter.signal() != 0)
        return 128 + waiter.signal();
      context.messages.warnings(warnings_of_jobs(state, part_));
      report(context, state.run);
    }
    return exit_code::success;
  }

  void report(Context& context, const RunRecord& run) const {
    ui::Outcome outcome;
    std::string name = run.name;
    outcome.status = run.status;
    if (!part_.is_all()) {
      const auto stopped =
          std::find_if(run.workflows.begin(), run.workflows.end(), [this](const auto& workflow) {
            return part_.holds(workflow.index);
          });
      outcome = ui::outcome_of(*stopped);
      name += fmt::format(" {}", workflow_.empty() ? printable(stopped->name) : workflow_);
    }
    const ui::Cell cell = ui::status_cell(context.messages.stream(), outcome);
    context.messages.note(
        fmt::format("{} {}", name, ui::paint(context.messages.stream(), cell.colour, cell.text)));
  }

  std::string name_;
  std::string workflow_;
  run::Selection part_;
  bool abort_ = false;
  bool all_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Action> make_stop() {
  return std::make_unique<Stop>();
}

}  // namespace dstack::cli
