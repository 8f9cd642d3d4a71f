#include "dstack/sandbox/main.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"
#include "dstack/overlay/namespace.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/sandbox/call_filter.hpp"
#include "dstack/sandbox/privileges.hpp"
#include "dstack/sandbox/view.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace dstack::sandbox {

namespace {

constexpr int failed = 1;

struct Order {
  Confinement confinement;
  Program program;
};

template <class Fields, MaybeConst<Order> Self>
void fields(Fields& fields, Self& order) {
  fields.required("confinement", order.confinement);
  fields.required("program", order.program);
}

void to_json(Json& json, const Order& order) {
  write_fields(json, order);
}

void from_json(const Json& json, Order& order) {
  read_fields(json, order, "order");
}

Result<Order> take_order() {
  const Fd file(confined_order_fd);
  DSTACK_TRY(const std::string text, read_all(file.get()));
  DSTACK_TRY(const Json json, parse_json(text, "the order of a confined process"));
  return from_json_value<Order>(json, "the order of a confined process");
}

Result<void> enter_namespaces(const Confinement& confinement) {
  const auto entered = overlay::Namespace::enter(overlay::Access::user);
  if (!entered)
    return Failure(entered.error());
  int flags = 0;
  if (confinement.own_processes)
    flags |= CLONE_NEWPID | CLONE_NEWIPC;
  if (confinement.own_network)
    flags |= CLONE_NEWNET;
  if (flags != 0 && ::unshare(flags) != 0)
    return fail_errno("cannot make namespaces for processes and the network");
  return confinement.own_network ? raise_loopback() : Result<void>();
}

/// The last steps, after which nothing can be undone.
Result<void> become(const Confinement& confinement, const Program& program) {
  DSTACK_CHECK(filter_calls(confinement.fewer_calls ? Calls::fewer : Calls::usual));
  DSTACK_CHECK(scope_signals_and_sockets());
  if (::chdir(program.working_dir.c_str()) != 0)
    return fail_errno("cannot enter '{}'", program.working_dir);
  std::vector<char*> arguments;
  for (const std::string& argument : program.argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execve(program.file.c_str(), arguments.data(), environ);
  const bool is_missing = errno == ENOENT && ::access(program.file.c_str(), F_OK) != 0;
  auto failure = fail_errno("cannot start '{}'", program.file);
  return is_missing ? fail(ErrorCode::unavailable, "it does not see the program '{}'", program.file)
                    : failure;
}

[[noreturn]] void end_as(const process::ExitStatus& status) {
  if (const auto* exited = std::get_if<process::Exited>(&status))
    ::_exit(exited->code);
  const int number = std::get<process::Signaled>(status).signal;
  process::disable_core_dumps();  // the program's own, if any, is there
  ::signal(number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  ::raise(number);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::_exit(128 + number);
}

/// The first process inside, once the program is started as its child.
[[noreturn]] void reap_until_nothing_is_left(pid_t program, Fd told) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno == ECHILD)
      ::_exit(0);
    if (ended == program) {
      (void)::write(told.get(), &status, sizeof status);
      told.reset();
    }
  }
}

/// Outside. What the program left running goes on without this process, as with any other program.
[[noreturn]] void end_with_program(pid_t first, const Fd& told) {
  int status = 0;
  ssize_t count = -1;
  do {
    count = ::read(told.get(), &status, sizeof status);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof status)
    end_as(process::decode_wait_status(status));
  // Killed, with all that was inside; or it could not begin.
  while (::waitpid(first, &status, 0) < 0 && errno == EINTR) {
  }
  end_as(process::decode_wait_status(status));
}

void report(Fd& pipe, const Error& error) {
  (void)write_all(pipe.get(), error.message);
  pipe.reset();
}

Result<void> begin_inside(const Order& order, Fd& reports, Fd told) {
  DSTACK_CHECK(enter_view(order.confinement));
  DSTACK_CHECK(drop_capabilities());
  const pid_t program = ::fork();
  if (program < 0)
    return fail_errno("cannot start a process");
  if (program > 0) {
    reports.reset();
    reap_until_nothing_is_left(program, std::move(told));
  }
  told.reset();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  return become(order.confinement, order.program);
}

Result<void> begin_with_own_processes(const Order& order, Fd& reports) {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  DSTACK_TRY(Pipe told, make_pipe());
  const pid_t first = ::fork();
  if (first < 0)
    return fail_errno("cannot start a process");
  if (first > 0) {
    told.write_end.reset();
    reports.reset();
    end_with_program(first, told.read_end);
  }
  told.read_end.reset();
  return begin_inside(order, reports, std::move(told.write_end));
}

Result<void> begin(Fd& reports) {
  DSTACK_TRY(const Order order, take_order());
  DSTACK_CHECK(enter_namespaces(order.confinement));
  if (order.confinement.own_processes)
    return begin_with_own_processes(order, reports);
  DSTACK_CHECK(enter_view(order.confinement));
  DSTACK_CHECK(drop_capabilities());
  return become(order.confinement, order.program);
}

}  // namespace

namespace {

Result<Fd> hand_over(const Confinement& confinement, const Program& program) {
  Fd file(::memfd_create("sandbox", MFD_CLOEXEC));
  if (!file)
    return fail_errno("cannot pass an order on");
  DSTACK_CHECK(write_all(file.get(), render_json(Json(Order{confinement, program}))));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

Failure not_started(const std::string& why) {
  const std::string refusal = overlay::describe_refusal();
  return fail(ErrorCode::unavailable, "the job cannot be started in its sandbox: {}", why)
      .with_hint("{}",
                 refusal.empty()
                     ? std::string("'dstack doctor' says what of a sandbox this machine "
                                   "can have; 'read' and 'write' of 'sandbox' open more")
                     : refusal);
}

}  // namespace

Result<process::Child> spawn_confined(process::Command command,
                                      const Confinement& confinement,
                                      const Program& program) {
  DSTACK_TRY(const Fd order, hand_over(confinement, program));
  DSTACK_TRY(Pipe reports, make_pipe());
  command.argv = {"dstack", confined_role};
  command.program = process::own_program;
  command.descriptors.emplace_back(confined_order_fd, order.get());
  command.descriptors.emplace_back(confined_report_fd, reports.write_end.get());
  DSTACK_TRY(process::Child child, process::spawn(command));
  reports.write_end.reset();
  const auto why = read_all(reports.read_end.get());
  if (why && why->empty())
    return child;
  child.wait();
  return not_started(why ? *why : render(why.error()));
}

Result<void> try_confinement(const Confinement& confinement) {
  process::Command command;
  command.argv = {"true"};
  const auto file = process::find_program("true", "/usr/bin:/bin");
  if (!file)
    return fail(ErrorCode::not_found, "there is no program 'true' to try it with");
  DSTACK_TRY(process::Child child,
             spawn_confined(std::move(command), confinement, {*file, {"true"}, "/"}));
  if (const auto status = child.wait(); !process::succeeded(status))
    return fail(ErrorCode::unavailable, "a program in it failed: {}", process::render(status));
  return {};
}

int confined_main() {
  Fd reports(confined_report_fd);
  ::fcntl(confined_report_fd, F_SETFD, FD_CLOEXEC);
  const auto begun = begin(reports);
  if (!begun)
    report(reports, begun.error());
  return failed;
}

}  // namespace dstack::sandbox
