#include "dstack/run/protocol/supervision.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

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

/// One byte and room for one descriptor, as sendmsg(2) and recvmsg(2) take them.
class LockMessage {
 public:
  LockMessage() {
    header.msg_iov = &bytes_;
    header.msg_iovlen = 1;
    header.msg_control = control_;
    header.msg_controllen = sizeof control_;
  }

  LockMessage(const LockMessage&) = delete;
  LockMessage& operator=(const LockMessage&) = delete;

  msghdr header{};

 private:
  char word_ = 0;
  iovec bytes_{&word_, 1};

  alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(int))]{};
};

}  // namespace

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
  return spawn_supervisor(home, run, lock.get());
}

Result<ReadySupervisor> ReadySupervisor::start(const files::Home& home, const std::string& run) {
  std::array<int, 2> ends;
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno("cannot make a socket");
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  DSTACK_TRY(auto child, spawn_supervisor(home, run, theirs.get()));
  return ReadySupervisor(home, run, std::move(child), std::move(ours));
}

ReadySupervisor::~ReadySupervisor() {
  if (!socket_)
    return;
  child_.signal(SIGKILL);
  child_.wait();
}

Result<process::Child> ReadySupervisor::send_off(Fd lock) && {
  LockMessage message;
  cmsghdr* header = CMSG_FIRSTHDR(&message.header);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = lock.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (::sendmsg(socket_.get(), &message.header, MSG_NOSIGNAL) < 0)
    return start_supervisor(home_, run_, std::move(lock));
  socket_.reset();
  return std::move(child_);
}

Fd receive_run_lock(int socket) {
  LockMessage message;
  ssize_t count = 0;
  do {
    count = ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  const cmsghdr* header = count > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS)
    return Fd();
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return Fd(fd);
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
