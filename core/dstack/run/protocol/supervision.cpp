#include "dstack/run/protocol/supervision.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <fcntl.h>

namespace dstack::run {

Result<std::optional<Fd>> take_run_lock(const files::Home& home, const std::string& run) {
  auto lock = open_file((home.run(run) / file_names::run_lock).string(), O_RDWR | O_CREAT, 0600);
  if (!lock)
    return std::nullopt;
  DSTACK_TRY(const bool is_held, lock_exclusive(lock->get(), Wait::no));
  if (!is_held)
    return std::nullopt;
  return *std::move(lock);
}

Result<process::Child> start_supervisor(const files::Home& home, const std::string& run, Fd lock) {
  log::info(fmt::format("starts a supervisor for run '{}'", run));
  process::Command command;
  command.argv = {"dstack", "supervise", home.root.string(), run};
  command.program = process::own_program;
  command.working_dir = "/";
  command.descriptors = {{supervisor_lock_fd, lock.get()}};
  command.group = process::Group::own_session;
  return process::spawn(command);
}

Result<std::optional<process::Child>> ensure_supervised(const files::Home& home,
                                                        const std::string& run) {
  DSTACK_TRY(auto lock, take_run_lock(home, run));
  if (!lock)
    return std::nullopt;
  return start_supervisor(home, run, *std::move(lock));
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
