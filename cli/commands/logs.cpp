#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/client/follow.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/log_reader.hpp"
#include "follow/run_view.hpp"
#include "follow/signals.hpp"
#include "follow/state_clock.hpp"

namespace dstack::cli {

namespace {

/// Prints the output from now on; ends with the run, or at a signal.
class Follower final : public SignalledListener {
 public:
  Follower(LogReader& reader, ui::Output& out, Signals& signals)
      : SignalledListener(signals), reader_(reader), out_(out) {}

  void output(std::size_t job, std::string_view bytes) override {
    reader_.append(job, bytes);
    out_.flush();
  }

  void left_out(std::size_t job, std::uint64_t offset) override { reader_.go_on_at(job, offset); }

  void changed(const store::RunState& state, const std::vector<std::size_t>& jobs) override {
    for (const std::size_t job : jobs)
      if (job::is_final(state.jobs[job].status))
        reader_.finish(job);
    out_.flush();
  }

  void tick() override {
    reader_.write_states();
    out_.flush();
    states_.restart();
  }

  int next_tick() override { return reader_.has_states() ? states_.milliseconds_left() : -1; }

 private:
  LogReader& reader_;
  ui::Output& out_;
  StateClock states_;
};

class Logs final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument("RUN",
                  name_,
                  Need::optional,
                  "the run, or RUN/COMBINATION of a sweep; default: the last one")
        .argument("WORKFLOW", workflow_, Need::optional, "only this workflow of it")
        .flag("-f,--follow", follow_, "keep following until the run is over")
        .option("-s,--since",
                "WHEN",
                since_,
                "output since a time, or for a duration: 5m, 2026-11-24T10:00")
        .option("-n,--lines", "N", lines_, "only the last N lines")
        .flag("--timestamps", timestamps_, "begin each line with the time of its output")
        .flag("--raw", raw_, "print the output as it is, also on a terminal")
        .note(
            "The log of one job is printed byte for byte; of several jobs, each line begins with "
            "the name\n"
            "of its workflow. On a terminal, control sequences other than colours and progress "
            "bars are\n"
            "shown as text.")
        .example("dstack logs", "what the last run printed")
        .example("dstack logs quiet-otter-3 train -n 20", "the last lines of one workflow")
        .example("dstack logs quiet-otter-3/lr=0.1,seed=2", "one combination of a sweep")
        .example("dstack logs -f --since 5m", "the last five minutes, and what follows");
  }

  Result<int> run(Context& context) override {
    LogSelection selection;
    DSTACK_CHECK(parse_since(selection));
    selection.lines = lines_;
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto reference, find_part(context, records, name_));
    const store::RunRecord& run = reference.run;
    DSTACK_TRY(selection.part, run::Selection::make(run, workflow_, reference.combination));
    DSTACK_TRY(const auto jobs, records.jobs(run.id));
    using Sequences = ui::JobOutput::Sequences;
    LogReader reader(context.home,
                     run,
                     jobs,
                     context.out,
                     timestamps_ ? Timestamps::yes : Timestamps::no,
                     raw_ ? Sequences::raw : Sequences::sanitized);
    DSTACK_CHECK(reader.print(selection));
    if (follow_ && !job::is_final(run.status))
      return follow(context, records, run, selection.part, reader);
    reader.finish_all();
    return exit_code::success;
  }

 private:
  Result<void> parse_since(LogSelection& selection) const {
    if (since_.empty())
      return {};
    selection.ago = parse_duration(since_);
    if (!selection.ago)
      selection.since = parse_time(since_);
    if (selection.ago || selection.since)
      return {};
    return fail(ErrorCode::usage, "'--since' takes a duration or a time, not '{}'", since_)
        .with_hint("write '5m', '1h30m', '2026-11-24' or '2026-11-24T10:00:00Z'");
  }

  Result<int> follow(Context& context,
                     store::Records& records,
                     const store::RunRecord& run,
                     const run::Selection& part,
                     LogReader& reader) const {
    DSTACK_TRY(auto signals, Signals::open());
    context.out.when_closed([&signals] { signals.wake(); });
    Follower follower(reader, context.out, signals);
    run::FollowOptions options;
    options.wake_fd = signals.fd();
    options.part = part;
    options.offsets = reader.offsets();
    context.out.set_hint(run_goes_on(run.name));
    context.out.flush();
    if (context.out.closed())  // by what is printed already
      return exit_code::success;
    store::RunState state;
    auto end = run::follow(context.home, records, run.name, state, follower, options);
    context.out.when_closed({});
    if (!end)
      return Failure(std::move(end).error());
    if (*end == run::FollowEnd::finished)
      context.out.set_hint({});
    reader.finish_all();
    return follower.signal() != 0 ? 128 + follower.signal() : exit_code::success;
  }

  std::string name_;
  std::string workflow_;
  bool follow_ = false;
  std::string since_;
  std::optional<std::size_t> lines_;
  bool timestamps_ = false;
  bool raw_ = false;
};

}  // namespace

std::unique_ptr<Action> make_logs() {
  return std::make_unique<Logs>();
}

}  // namespace dstack::cli
