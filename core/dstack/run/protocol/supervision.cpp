#include "dstack/run/protocol/supervision.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/descriptor_message.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/mailbox.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// Nothing: the run was removed.
Result<Fd> open_lock(const Path& path, WithoutFolder means) {
  const auto open = [&] { return Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)); };
  Fd lock = open();
  if (!lock && errno == ENOENT) {
    if (means == WithoutFolder::removed)
      return Fd();
    DSTACK_CHECK(make_folders(path.parent_path()));
    lock = open();
  }
  if (!lock)
    return fail_errno("cannot open '{}'", path.string());
  return lock;
}

bool is_named(int file, const Path& path) {
  struct stat opened;
  struct stat named;
  return ::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

Result<std::optional<Fd>> take_run_lock(const files::Home& home,
                                        const std::string& run,
                                        WithoutFolder means) {
  const Path path = home.run(run) / file_names::run_lock;
  for (;;) {
    DSTACK_TRY(Fd lock, open_lock(path, means));
    if (!lock)
      return std::nullopt;
    DSTACK_TRY(const bool is_held, lock_exclusive(lock.get(), Wait::no));
    if (!is_held)
      return std::nullopt;
    // Whoever removed the run meanwhile has removed the file.
    if (is_named(lock.get(), path))
      return lock;
  }
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

bool ReadySupervisor::has_synced_folder() const {
  char word = 0;
  return ::recv(socket_.get(), &word, sizeof word, MSG_DONTWAIT) > 0;
}

Result<process::Child> ReadySupervisor::send_off(Fd lock) && {
  if (!send_descriptors(socket_.get(), std::array{lock.get()}))
    return start_supervisor(home_, run_, std::move(lock));
  socket_.reset();
  return std::move(child_);
}

void sync_run_folder(const files::Home& home, int socket) {
  // Otherwise the command does it, and reports why it cannot be done.
  if (sync_folder(home.runs()))
    (void)::send(socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

Fd receive_run_lock(int socket) {
  auto received = receive_descriptors(socket);
  return received.empty() ? Fd() : std::move(received.front());
}

Result<std::optional<process::Child>> ensure_supervised(const files::Home& home,
                                                        const std::string& run,
                                                        WithoutFolder means) {
  DSTACK_TRY(auto lock, take_run_lock(home, run, means));
  if (!lock)
    return std::nullopt;
  return start_supervisor(home, run, *std::move(lock));
}

std::string surrounding_run(const files::Home& home) {
  const auto run = nonempty_environment_variable("RUN_NAME");
  if (!run || !nonempty_environment_variable("JOB_ID") || run->find('/') != std::string::npos)
    return {};
  return ::access((home.run(*run) / file_names::run_lock).c_str(), F_OK) == 0 ? *run
                                                                              : std::string();
}

bool start_beside(const files::Home& home, const std::string& surrounding, const std::string& run) {
  constexpr unsigned between_looks = 2'000;  // microseconds
  constexpr int most_looks = 1'000;
  if (!post(home.run(surrounding), render_supervise(run)))
    return false;
  // It writes its identity when it has the lock.
  for (int look = 0; look < most_looks; ++look) {
    if (process::parse_identity(read_file(home.run(run) / file_names::run_lock).value_or("")))
      return true;
    ::usleep(between_looks);
  }
  return false;
}

Error without_supervisor(const std::string& run, Error why) {
  why.message = fmt::format("run '{}' is recorded, but has no supervisor: {}", run, why.message);
  why.hint += fmt::format("{}'dstack logs -f {}' tries again, and 'dstack stop {}' stops the run",
                          why.hint.empty() ? "" : "; ",
                          run,
                          run);
  return why;
}

bool may_have_been_recorded(const Error& why) {
  return why.number == EIO || why.code == ErrorCode::internal;
}

Error may_be_recorded(const std::string& run, Error why) {
  why.message = fmt::format("run '{}' may be on record all the same: {}", run, why.message);
  why.hint = fmt::format(
      "'dstack ps -a' shows whether it is; 'dstack logs -f {}' then follows it, and 'dstack stop "
      "{}' stops it",
      run,
      run);
  return why;
}

}  // namespace dstack::run
