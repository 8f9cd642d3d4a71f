#include "follow/interruption.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/client/control.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/prompt.hpp"

#include <array>

#include <poll.h>
#include <unistd.h>

namespace dstack::cli {

using Then = run::FollowListener::Then;

Then Interruption::handle(const store::RunRecord& run, ui::LiveBlock& block) {
  if (signals_.take_wake())
    return Then::leave;
  while (const auto signal = signals_.take()) {
    if (*signal == SIGCONT)
      block.forget();  // the shell has written below it
    else
      block.clear();
    if (handle_signal(*signal, run) == Then::leave)
      return Then::leave;
  }
  return Then::go_on;
}

Then Interruption::handle_signal(int signal, const store::RunRecord& run) {
  switch (signal) {
    case SIGHUP:
      hung_up_ = true;
      return Then::leave;
    case SIGTERM:
      stop(signal, run);
      return Then::go_on;
    case SIGINT:
      break;
    default:
      return Then::go_on;
  }
  if (stopped_by_ != 0 || !ui::can_ask()) {
    stop(signal, run);
    return Then::go_on;
  }
  switch (ask()) {
    case Answer::stop:
      stop(stopped_by_ == 0 ? SIGINT : stopped_by_, run);
      break;
    case Answer::detach:
      return Then::leave;
    case Answer::go_on:
      break;
  }
  return hung_up_ ? Then::leave : Then::go_on;
}

/// The run continues meanwhile; its output stays in the log.
Interruption::Answer Interruption::ask() {
  const ui::KeyMode keys;
  context_.messages.raw("\nstop the run, detach from it, or go on? [s/d/g] ");
  Answer answer = Answer::go_on;
  for (bool decided = false; !decided;) {
    std::array<pollfd, 2> polled = {pollfd{STDIN_FILENO, POLLIN, 0},
                                    pollfd{signals_.fd(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0)
      continue;
    if (const auto signal = signals_.take()) {
      hung_up_ = *signal == SIGHUP;
      decided = *signal != SIGCONT;
      answer = hung_up_ ? Answer::detach : Answer::stop;
      continue;
    }
    char key = 0;
    if (polled[0].revents == 0)
      continue;
    if (::read(STDIN_FILENO, &key, 1) != 1)
      key = 'd';  // no answer can be read
    decided = key == 's' || key == 'd' || key == 'g' || key == '\n';
    answer = key == 's' ? Answer::stop : key == 'd' ? Answer::detach : Answer::go_on;
  }
  if (!hung_up_)
    context_.messages.raw(answer == Answer::stop     ? "stop\n"
                          : answer == Answer::detach ? "detach\n"
                                                     : "go on\n");
  return answer;
}

/// A second request aborts the run.
void Interruption::stop(int signal, const store::RunRecord& run) {
  const bool again = stopped_by_ != 0 && signal == SIGINT;
  if (aborted_ || (stopped_by_ != 0 && !again))
    return;
  stopped_by_ = signal;
  aborted_ = again;
  const auto request = again ? job::StopRequest::abort : job::StopRequest::stop;
  if (const auto asked = run::stop(context_.home, records_, run, {}, request); !asked) {
    if (asked.error().code != ErrorCode::conflict)  // it ended by itself meanwhile
      context_.messages.error(asked.error());
    return;
  }
  context_.messages.note(
      again
          ? fmt::format("aborting {}", run.name)
          : fmt::format("stopping {}{}",
                        run.name,
                        ui::can_ask() ? "; Ctrl-C again kills it, and nothing is saved then" : ""));
}

}  // namespace dstack::cli
