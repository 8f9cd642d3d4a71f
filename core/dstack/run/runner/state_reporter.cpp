#include "dstack/run/runner/state_reporter.hpp"

#include "dstack/run/protocol/file_names.hpp"

#include <fcntl.h>

namespace dstack::run {

Result<StateReporter> StateReporter::open(const Path& run_folder,
                                          const Path& attempt_folder,
                                          const JobOrder& order) {
  StateReporter reporter;
  DSTACK_TRY(reporter.mailbox_, MailboxSender::open(run_folder));
  reporter.job_ = order.index;
  reporter.attempt_ = order.attempt;
  reporter.clock_ = order.clock;
  DSTACK_TRY(
      reporter.states_,
      open_file(
          (attempt_folder / file_names::states).string(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  return reporter;
}

void StateReporter::report(job::Status status) const {
  send(render(StateMessage{job_, status, now(), attempt_, job::elapsed_now(clock_)}));
}

void StateReporter::report(const job::Application& app) const {
  send(render(app));
}

void StateReporter::note_output(std::uint64_t pipe) const {
  (void)write_all(states_.get(), render_output_pipe(pipe) + "\n");
}

void StateReporter::report(TroubleMessage::Kind kind, const std::string& text) const {
  (void)mailbox_.send(render(TroubleMessage{job_, attempt_, kind, text}));
}

void StateReporter::send(const std::string& line) const {
  is_torn_ = !write_all(states_.get(), (is_torn_ ? "\n" : "") + line + "\n");
  (void)mailbox_.send(line);
}

}  // namespace dstack::run
