#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/client/follow.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/waiter.hpp"
#include "ui/status.hpp"

namespace dstack::cli {

namespace {

class Wait final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.arguments("RUN", names_, Need::required, "runs, or RUN/COMBINATION of a sweep")
        .option("--timeout", "DURATION", timeout_, "give up after it, with exit code 124")
        .note("The exit code is that of 'dstack run': of the first of them, as named, that failed.")
        .example("dstack wait quiet-otter-3 && ./publish.sh", "go on when it is done")
        .example("dstack wait quiet-otter-3 bold-ape-1 --timeout 2h",
                 "both, two hours at the most");
  }

  Result<int> run(Context& context) override {
    std::optional<Waiter::Clock::time_point> deadline;
    if (!timeout_.empty()) {
      const auto duration = parse_duration(timeout_);
      if (!duration)
        return fail(ErrorCode::usage, "'{}' is not a duration", timeout_)
            .with_hint("write seconds, or '90s', '5m', '1h30m', '2d'");
      deadline = Waiter::Clock::now() + *duration;
    }
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    // All names are right before the first is waited for.
    std::vector<Reference> references;
    for (const std::string& name : names_) {
      DSTACK_TRY(references.emplace_back(), find_part(context, records, name));
    }
    DSTACK_TRY(auto signals, Signals::open());
    int code = exit_code::success;
    for (const Reference& reference : references) {
      DSTACK_TRY(const int own, wait_for(context, records, signals, reference, deadline));
      if (stopped_)
        return own;
      code = code == exit_code::success ? own : code;
    }
    return code;
  }

 private:
  Result<int> wait_for(Context& context,
                       store::Records& records,
                       Signals& signals,
                       const Reference& reference,
                       const std::optional<Waiter::Clock::time_point>& deadline) {
    DSTACK_TRY(const auto part,
               run::Selection::make(reference.run, reference.workflow, reference.combination));
    Waiter waiter(signals, part, deadline);
    run::FollowOptions options;
    options.wake_fd = signals.fd();
    options.output = false;
    store::RunState state;
    DSTACK_CHECK(run::follow(context.home, records, reference.run.name, state, waiter, options));
    stopped_ = waiter.signal() != 0 || waiter.timed_out();
    if (waiter.signal() != 0)
      return 128 + waiter.signal();
    if (waiter.timed_out()) {
      context.messages.error(make_error(
          ErrorCode::unavailable, "run '{}' is not over after {}", reference.run.name, timeout_));
      return exit_code::timed_out;
    }
    return report(context, state, part);
  }

  /// How it ended, and the exit code of that.
  static int report(Context& context, const store::RunState& state, const run::Selection& part) {
    const ui::Stream& stream = context.messages.stream();
    int code = exit_code::success;
    if (part.is_all()) {
      ui::Outcome outcome;
      outcome.status = state.run.status;
      const ui::Cell cell = ui::status_cell(stream, outcome);
      context.messages.note(
          fmt::format("{} {}", state.run.name, ui::paint(stream, cell.colour, cell.text)));
      return exit_code_of(state);
    }
    for (const store::WorkflowRecord& workflow : state.run.workflows) {
      if (!part.holds(workflow.index))
        continue;
      const ui::Cell cell = ui::status_cell(stream, ui::outcome_of(workflow));
      context.messages.note(fmt::format("{} {} {}",
                                        state.run.name,
                                        printable(workflow.name),
                                        ui::paint(stream, cell.colour, cell.text)));
      if (workflow.status != job::Status::done)
        code = exit_code::failure;
    }
    return code;
  }

  std::vector<std::string> names_;
  std::string timeout_;
  bool stopped_ = false;  ///< by a signal, or because the time was over
};

}  // namespace

std::unique_ptr<Action> make_wait() {
  return std::make_unique<Wait>();
}

}  // namespace dstack::cli
