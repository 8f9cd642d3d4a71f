#include "follow/submitted.hpp"

#include "command_line/exit_code.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/sweep/address.hpp"
#include "follow/run_view.hpp"

#include <map>
#include <set>

namespace dstack::cli {

namespace {

void print_notices(const Context& context, const plan::Plan& plan) {
  for (const std::string& notice : plan.notices)
    say(context, notice);
  // A notice of several workflows is printed once, with their names if there are others.
  // The combinations of a workflow are one.
  std::set<std::string> workflows;
  std::map<std::string, std::vector<std::string>> owners_by_notice;
  for (const plan::PlannedJob& job : plan.jobs) {
    const std::string name(sweep::workflow_of(plan.workflows[job.workflow].name));
    workflows.insert(name);
    for (const std::string& notice : job.notices)
      if (auto& owners = owners_by_notice[notice]; owners.empty() || owners.back() != name)
        owners.push_back(name);
  }
  for (const auto& [notice, names] : owners_by_notice) {
    const std::string owners = names.size() == 1 ? names.front() : quoted_list(names, 3);
    say(context, workflows.size() == 1 ? notice : fmt::format("{}: {}", owners, notice));
  }
}

Result<int> follow_run(Context& context,
                       store::Records& records,
                       Signals& signals,
                       run::Submitted& submitted) {
  const ui::Stream& stream = context.messages.stream();
  context.messages.note(
      fmt::format("run {}{}",
                  ui::paint(stream, ui::Colour::bold, submitted.name),
                  ui::paint(stream,
                            ui::Colour::dim,
                            fmt::format(" ({})", plural(submitted.plan.jobs.size(), "job")))));
  context.out.when_closed([&signals] { signals.wake(); });
  Interruption interruption(context, records, signals);
  store::RunState state;
  RunView view(context, interruption, state);
  run::FollowOptions options;
  options.wake_fd = signals.fd();
  options.tick = stream.live && !context.messages.quiet();
  DSTACK_TRY(const auto end,
             run::follow(context.home,
                         records,
                         submitted.name,
                         state,
                         view,
                         options,
                         std::move(submitted.supervisor)));
  context.out.when_closed({});
  if (end == run::FollowEnd::left && interruption.hung_up())
    return exit_code::success;
  if (end == run::FollowEnd::finished)
    context.out.set_hint(fmt::format("'dstack logs {}' prints all of it", submitted.name));
  view.finish();
  if (end == run::FollowEnd::left) {
    if (!context.out.closed())
      context.messages.note(fmt::format(
          "{} continues; 'dstack logs -f {}' follows it again", submitted.name, submitted.name));
    return exit_code::success;
  }
  print_summary(context, records, view);
  const job::Status status = state.run.status;
  const bool stopped = status == job::Status::stopped || status == job::Status::aborted;
  return stopped && interruption.stopped_by() != 0 ? 128 + interruption.stopped_by()
                                                   : exit_code_of(state);
}

}  // namespace

void say(const Context& context, const std::string& notice) {
  context.messages.note(ui::paint(context.messages.stream(), ui::Colour::cyan, "note: ") +
                        printable(notice));
}

Result<int> go_on_with(Context& context,
                       store::Records& records,
                       Signals& signals,
                       run::Submitted& submitted,
                       Follow follow) {
  context.messages.warnings(submitted.warnings);
  for (const std::string& note : submitted.notes)
    say(context, note);
  print_notices(context, submitted.plan);
  context.out.set_hint(run_goes_on(submitted.name));
  if (follow == Follow::detached) {
    context.out.line(submitted.name);
    return exit_code::success;
  }
  return follow_run(context, records, signals, submitted);
}

}  // namespace dstack::cli
