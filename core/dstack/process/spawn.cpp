#include "dstack/process/spawn.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/adoption.hpp"
#include "dstack/process/start_failure.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <unordered_set>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace dstack::process {

namespace {

/// Whom this process has started and not yet reaped.
class Started {
 public:
  void add(pid_t pid) {
    const std::lock_guard held(mutex_);
    pids_.insert(pid);
  }

  void remove(pid_t pid) {
    const std::lock_guard held(mutex_);
    pids_.erase(pid);
  }

  bool has(pid_t pid) {
    const std::lock_guard held(mutex_);
    return pids_.contains(pid);
  }

  /// Shared from before a start until it is noted; alone while children are told apart.
  std::shared_mutex starting;

 private:
  std::mutex mutex_;
  std::unordered_set<pid_t> pids_;
};

Started& started() {
  static Started all;
  return all;
}

/// The attributes and actions of posix_spawn, freed together.
struct SpawnPlan {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = 0;  ///< errno of the first action that could not be added: memory ran out

  SpawnPlan() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }

  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }

  void give(int in_caller, int in_child) {
    note(::posix_spawn_file_actions_adddup2(&actions, in_caller, in_child));
  }

  void give_nothing(int in_child) {
    note(::posix_spawn_file_actions_addopen(
        &actions, in_child, "/dev/null", in_child == 0 ? O_RDONLY : O_WRONLY, 0));
  }

  void enter(const std::string& folder) {
    note(::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str()));
  }

 private:
  void note(int result) {
    if (error == 0)
      error = result;
  }
};

void set_attributes(SpawnPlan& plan, Group group, Signals signals) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, signals == Signals::blocked ? &all : &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (group == Group::own_group)
    flags |= POSIX_SPAWN_SETPGROUP;
  if (group == Group::own_session)
    flags |= POSIX_SPAWN_SETSID;
  ::posix_spawnattr_setflags(&plan.attributes, static_cast<short>(flags));
}

/// Descriptors are first moved above every number that the child wants, so that no dup2 overwrites
/// a source.
Result<std::vector<Fd>> add_descriptors(SpawnPlan& plan,
                                        const std::vector<std::pair<int, int>>& wanted) {
  int highest = 2;
  for (const auto& [in_child, in_caller] : wanted)
    highest = std::max(highest, in_child);
  std::vector<Fd> moved;
  std::array<bool, 3> given{};
  for (const auto& [in_child, in_caller] : wanted) {
    Fd copy(::fcntl(in_caller, F_DUPFD_CLOEXEC, highest + 1));
    if (!copy)
      return fail_errno("cannot pass a descriptor on");
    plan.give(copy.get(), in_child);
    moved.push_back(std::move(copy));
    if (in_child >= 0 && in_child <= 2)
      given[static_cast<std::size_t>(in_child)] = true;
  }
  for (int fd = 0; fd <= 2; ++fd)
    if (!given[static_cast<std::size_t>(fd)])
      plan.give_nothing(fd);
  return moved;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings)
    list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

bool succeeded(const ExitStatus& status) {
  const auto* exited = std::get_if<Exited>(&status);
  return exited != nullptr && exited->code == 0;
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : fmt::format("signal {}", signal);
}

std::string render(const ExitStatus& status) {
  if (const auto* exited = std::get_if<Exited>(&status))
    return fmt::format("exit code {}", exited->code);
  return fmt::format("killed by {}", signal_name(std::get<Signaled>(status).signal));
}

ExitStatus decode_wait_status(int status) {
  if (WIFSIGNALED(status))
    return Signaled{WTERMSIG(status)};
  return Exited{WEXITSTATUS(status)};
}

void Child::signal(int number) const {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

ExitStatus Child::wait() {
  int status = 0;
  pid_t reaped = -1;
  do {
    reaped = ::waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  started().remove(pid_);
  if (reaped < 0)
    return Signaled{SIGKILL};  // another part of the program reaped it: how it ended is unknown
  return decode_wait_status(status);
}

std::vector<pid_t> adopted_children() {
  const std::unique_lock alone(started().starting);
  std::vector<pid_t> all = children(::getpid());
  std::erase_if(all, [](pid_t pid) { return started().has(pid); });
  return all;
}

std::optional<std::string> find_program(std::string_view name, std::string_view path) {
  const auto runnable = [](const std::string& file) {
    return ::access(file.c_str(), X_OK) == 0 && [&] {
      const int fd = ::open(file.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (fd >= 0)
        ::close(fd);
      return fd < 0;
    }();
  };
  if (name.find('/') != std::string_view::npos) {
    std::string file(name);
    return runnable(file) ? std::optional(file) : std::nullopt;
  }
  for (const std::string_view folder : split(path, ':')) {
    std::string file = fmt::format("{}/{}", folder, name);
    if (folder.starts_with('/') && runnable(file))
      return file;
  }
  return std::nullopt;
}

namespace {

/// The file to start; empty when no folder of PATH has one.
std::string file_to_start(const Command& command) {
  const std::string& program = command.program.empty() ? command.argv.front() : command.program;
  if (program.find('/') != std::string::npos)
    return program;
  return find_program(program, environment_variable("PATH").value_or("/bin:/usr/bin")).value_or("");
}

}  // namespace

Result<Child> spawn(const Command& command) {
  DSTACK_CHECK(check_stop());
  SpawnPlan plan;
  set_attributes(plan, command.group, command.signals);
  if (!command.working_dir.empty())
    plan.enter(command.working_dir);
  DSTACK_TRY(const auto moved, add_descriptors(plan, command.descriptors));
  std::vector<char*> arguments = pointers(command.argv);
  std::vector<char*> variables;
  if (command.environment)
    variables = pointers(*command.environment);
  pid_t pid = 0;
  const std::string program = file_to_start(command);
  int error = program.empty() ? ENOENT : plan.error;
  std::shared_lock starting(started().starting);
  if (error == 0)
    error = ::posix_spawn(&pid,
                          program.c_str(),
                          &plan.actions,
                          &plan.attributes,
                          arguments.data(),
                          command.environment ? variables.data() : environ);
  if (error == 0)
    started().add(pid);
  starting.unlock();
  if (error != 0)
    return start_failure(command, error);
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    auto failure = fail_errno("cannot watch '{}'", shown(command));
    failure.value().code = ErrorCode::internal;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    started().remove(pid);
    return failure;
  }
  return Child(pid, std::move(pidfd));
}

namespace {

/// Moves input and outputs of a child until both outputs are closed, or the deadline has passed
/// (false).
Result<bool> exchange(Fd to_child,
                      std::string_view input,
                      Fd out_fd,
                      Fd err_fd,
                      Output& output,
                      std::optional<std::chrono::steady_clock::time_point> deadline) {
  if (to_child)
    ::fcntl(to_child.get(), F_SETFL, O_NONBLOCK);
  const auto take = [](Fd& from, std::string& into) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count > 0)
      into.append(buffer.data(), static_cast<std::size_t>(count));
    else if (count == 0 || errno != EINTR)
      from.reset();
  };
  while (out_fd || err_fd) {
    if (to_child && input.empty())
      to_child.reset();
    std::array<pollfd, 3> polled = {pollfd{out_fd.get(), POLLIN, 0},
                                    pollfd{err_fd.get(), POLLIN, 0},
                                    pollfd{to_child.get(), POLLOUT, 0}};
    int wait = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(
          *deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return false;
      wait = static_cast<int>(std::min<long long>(left.count(), 1'000'000));
    }
    if (::poll(polled.data(), polled.size(), wait) < 0 && errno != EINTR)
      return fail_errno("cannot wait for a program");
    if (polled[0].revents != 0)
      take(out_fd, output.out);
    if (polled[1].revents != 0)
      take(err_fd, output.err);
    if (polled[2].revents != 0) {
      const ssize_t count = ::write(to_child.get(), input.data(), input.size());
      if (count >= 0)
        input.remove_prefix(static_cast<std::size_t>(count));
      else if (errno != EINTR && errno != EAGAIN)
        to_child.reset();  // the rest is not needed
    }
  }
  return true;
}

/// A child that closes its input early must not kill this process. The signal of a failed write
/// goes to the thread that writes, so it is held back there and taken away at the end; other
/// threads and what the process does with signals are not touched.
class HoldBrokenPipe {
 public:
  HoldBrokenPipe() {
    sigemptyset(&broken_pipe_);
    sigaddset(&broken_pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
  }

  HoldBrokenPipe(const HoldBrokenPipe&) = delete;
  HoldBrokenPipe& operator=(const HoldBrokenPipe&) = delete;

  ~HoldBrokenPipe() {
    const timespec at_once{};
    if (!was_pending_)
      while (::sigtimedwait(&broken_pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t broken_pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

}  // namespace

Result<Output> run(Command command,
                   std::string_view input,
                   std::optional<std::chrono::milliseconds> limit) {
  DSTACK_TRY(Pipe in, make_pipe());
  DSTACK_TRY(Pipe out, make_pipe());
  DSTACK_TRY(Pipe err, make_pipe());
  std::erase_if(command.descriptors, [](const auto& pair) { return pair.first <= 2; });
  command.descriptors.emplace_back(0, in.read_end.get());
  command.descriptors.emplace_back(1, out.write_end.get());
  command.descriptors.emplace_back(2, err.write_end.get());
  if (command.group == Group::same && limit)
    command.group = Group::own_group;
  const HoldBrokenPipe guard;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (limit)
    deadline = std::chrono::steady_clock::now() + *limit;
  DSTACK_TRY(Child child, spawn(command));
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  Output output{Exited{}, {}, {}};
  auto finished = exchange(std::move(in.write_end),
                           input,
                           std::move(out.read_end),
                           std::move(err.read_end),
                           output,
                           deadline);
  if (!finished || !*finished) {
    ::kill(command.group == Group::same ? child.pid() : -child.pid(), SIGKILL);
    output.status = child.wait();
    if (!finished)
      return Failure(std::move(finished).error());
    return fail(ErrorCode::unavailable,
                "'{}' did not end within {} ms",
                command.argv.front(),
                limit->count());
  }
  output.status = child.wait();
  DSTACK_CHECK(check_stop());
  return output;
}

}  // namespace dstack::process
