#include "dstack/run/protocol/supervision.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <fcntl.h>

namespace dstack::run {

Result<process::Child> start_supervisor(const files::Home& home, const std::string& run) {
  log::info(fmt::format("starts a supervisor for run '{}'", run));
  process::Command command;
  command.argv = {"dstack", "supervise", home.root.string(), run};
  command.program = process::own_program;
  command.working_dir = "/";
  command.group = process::Group::own_session;
  return process::spawn(command);
}

Result<std::optional<process::Child>> ensure_supervised(const files::Home& home,
                                                        const std::string& run) {
  auto lock = open_file((home.run(run) / file_names::run_lock).string(), O_RDWR | O_CREAT, 0600);
  if (!lock)
    return std::nullopt;  // the run's folder is gone, or not ours: nothing to supervise
  DSTACK_TRY(const bool is_free, lock_exclusive(lock->get(), Wait::no));
  lock->reset();
  if (is_free)
    return start_supervisor(home, run);
  return std::nullopt;
}

Error without_supervisor(const std::string& run, Error why) {
  why.message = fmt::format("run '{}' is recorded, but has no supervisor: {}", run, why.message);
  why.hint += fmt::format("{}'dstack logs -f {}' tries again, and 'dstack stop {}' stops the run",
                          why.hint.empty() ? "" : "; ",
                          run,
                          run);
  return why;
}

}  // namespace dstack::run
