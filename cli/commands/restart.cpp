#include "dstack/run/client/restart.hpp"

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/redaction.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/signal_watchdog.hpp"
#include "follow/submitted.hpp"
#include "views/plan_text.hpp"

#include <optional>

namespace dstack::cli {

namespace {

class Restart final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", name_, Need::required, "the run to run again")
        .flag(
            "--failed", request_.only_failed, "only what is not done, with the results of what is")
        .flag("-d,--detach", detach_, "do not follow: print the run's name and return")
        .option("-t,--tag", "TAG", request_.tag, "tag the artifacts on success")
        .flag("--force", force_, "with '-t': move the tag from the run that has it, on success")
        .option("-j,--jobs", "N", request_.parallel, "jobs at a time; default: as the first time")
        .flag("--dry-run", dry_run_, "print the plan and run nothing")
        .flag("--json", json_, "with '--dry-run': print the plan as JSON")
        .note(
            "The new run has the code, variables, inputs and commands of the earlier one, whatever "
            "has\n"
            "changed in the project. Secrets and settings are today's.")
        .example("dstack restart quiet-otter-3", "run all of it again")
        .example("dstack restart quiet-otter-3 --failed",
                 "only what failed, was stopped or skipped");
  }

  Result<int> run(Context& context) override {
    if (request_.parallel == 0)
      return fail(ErrorCode::usage, "'-j' must be at least 1");
    if (json_ && !dry_run_)
      return fail(ErrorCode::usage, "'--json' needs '--dry-run'");
    if (force_ && request_.tag.empty())
      return fail(ErrorCode::usage, "'--force' needs '--tag'")
          .with_hint("it moves the tag from the run that has it");
    using Force = store::Records::Force;
    request_.move_tag = force_ ? Force::yes : Force::no;
    DSTACK_TRY(auto records,
               open_records(
                   context,
                   dry_run_ ? store::Records::Mode::read_only : store::Records::Mode::read_write));
    DSTACK_TRY(const store::RunRecord origin, find_run(context, records, name_));
    DSTACK_TRY(const auto bench, context.open_workbench());
    if (dry_run_)
      return show_plan(context, bench, records, origin);
    // From here on no signal may be lost between the run's creation and its follower.
    DSTACK_TRY(auto signals, Signals::open());
    auto submitted = [&] {
      const SignalWatchdog watchdog(signals);
      return run::restart(bench, records, origin, request_);
    }();
    if (!submitted)
      return Failure(std::move(submitted).error());
    return go_on_with(
        context, records, signals, *submitted, detach_ ? Follow::detached : Follow::yes);
  }

 private:
  Result<int> show_plan(Context& context,
                        const run::Workbench& bench,
                        store::Records& records,
                        const store::RunRecord& origin) {
    DSTACK_TRY(auto plan, run::preview_restart(bench, records, origin, request_));
    print_plan(
        context, plan::without_secrets(std::move(plan)), json_ ? PlanForm::json : PlanForm::text);
    return exit_code::success;
  }

  std::string name_;
  run::RestartRequest request_;
  bool detach_ = false;
  bool force_ = false;
  bool dry_run_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_restart() {
  return std::make_unique<Restart>();
}

}  // namespace dstack::cli
