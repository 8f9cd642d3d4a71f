#include "dstack/run/runner/state_reporter.hpp"

#include "dstack/run/protocol/file_names.hpp"

#include <fcntl.h>

namespace dstack::run {

Result<StateReporter> StateReporter::open(const Path& run_folder,
                                          const Path& attempt_folder,
                                          std::size_t job,
                                          std::size_t attempt) {
  StateReporter reporter;
  reporter.run_folder_ = run_folder;
  reporter.job_ = job;
  reporter.attempt_ = attempt;
  DSTACK_TRY(
      reporter.states_,
      open_file(
          (attempt_folder / file_names::states).string(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  return reporter;
}

void StateReporter::report(job::Status status) const {
  send(render(StateMessage{job_, status, now(), attempt_}));
}

void StateReporter::report(const job::Application& app) const {
  send(render(app));
}

void StateReporter::report(TroubleMessage::Kind kind, const std::string& text) const {
  post(run_folder_, render(TroubleMessage{job_, attempt_, kind, text}));
}

void StateReporter::send(const std::string& line) const {
  is_torn_ = !write_all(states_.get(), (is_torn_ ? "\n" : "") + line + "\n");
  post(run_folder_, line);
}

}  // namespace dstack::run
