#include "dstack/run/protocol/supervision.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/run/protocol/descriptor_message.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <array>

#include <fcntl.h>
#include <signal.h>

namespace dstack::run {

namespace {

/// `lock`: what the supervisor finds at supervisor_lock_fd.
Result<process::Child> spawn_supervisor(const files::Home& home, const std::string& run, int lock) {
  log::info(fmt::format("starts a supervisor for run '{}'", run));
  process::Command command;
  command.argv = {"dstack", "supervise", home.root.string(), run};
  command.program = process::own_program;
  command.working_dir = "/";
  command.descriptors = {{supervisor_lock_fd, lock}};
  command.group = process::Group::own_session;
  return process::spawn(command);
}

}  // namespace

Result<std::optional<Fd>> take_run_lock(const files::Home& home, const std::string& run) {
  auto lock = open_file((home.run(run) / file_names::run_lock).string(), O_RDWR | O_CREAT, 0600);
  if (!lock && (is_transient(lock.error()) || is_disk_full(lock.error())))
    return fail(std::move(lock).error());
  if (!lock)
    return std::nullopt;
  DSTACK_TRY(const bool is_held, lock_exclusive(lock->get(), Wait::no));
  if (!is_held)
    return std::nullopt;
  return *std::move(lock);
}

Result<process::Child> start_supervisor(const files::Home& home, const std::string& run, Fd lock) {
  return spawn_supervisor(home, run, lock.get());
}

Result<ReadySupervisor> ReadySupervisor::start(const files::Home& home, const std::string& run) {
  DSTACK_TRY(auto ends, make_message_socket());
  DSTACK_TRY(auto child, spawn_supervisor(home, run, ends.second.get()));
  return ReadySupervisor(home, run, std::move(child), std::move(ends.first));
}

ReadySupervisor::~ReadySupervisor() {
  if (!socket_)
    return;
  child_.signal(SIGKILL);
  child_.wait();
}

Result<process::Child> ReadySupervisor::send_off(Fd lock) && {
  if (!send_descriptors(socket_.get(), std::array{lock.get()}))
    return start_supervisor(home_, run_, std::move(lock));
  socket_.reset();
  return std::move(child_);
}

Fd receive_run_lock(int socket) {
  auto received = receive_descriptors(socket);
  return received.empty() ? Fd() : std::move(received.front());
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
