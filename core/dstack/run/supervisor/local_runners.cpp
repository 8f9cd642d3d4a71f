#include "dstack/run/supervisor/local_runners.hpp"

#include "dstack/base/file.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/order_socket.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// How often a record that cannot be read is tried again; each time with look_again().
constexpr int most_failures = 50;

/// For a later supervisor, which passes them to the jobs that start later.
Result<void> write_ports(const Path& folder, const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (const std::uint16_t port : ports)
    text += fmt::format("{} ", port);
  text.back() = '\n';
  return write_file_atomically(folder / file_names::ports, text, Durable::no, 0600);
}

}  // namespace

Result<std::vector<std::uint16_t>> LocalRunners::reserve_ports(std::size_t job, std::size_t count) {
  DSTACK_TRY(auto ports, run::reserve_ports(count));
  auto numbers = numbers_of(ports);
  reserved_.insert_or_assign(job, std::move(ports));
  return numbers;
}

void LocalRunners::release_ports() {
  reserved_.clear();
}

Result<void> LocalRunners::start(const JobOrder& order, int lease) {
  const Path folder = folders_.folder(order.index, order.attempt);
  DSTACK_CHECK(make_folders(folder));
  if (!order.ports.empty())
    DSTACK_CHECK(write_ports(folder, order.ports));
  DSTACK_TRY(const Fd lock,
             open_file((folder / file_names::lock).string(), O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_exclusive(lock.get(), Wait::no));
  DSTACK_TRY(const Fd text, hand_over_order(render_job_order(order)));
  DSTACK_TRY(Runner runner,
             is_plain(order) && lease < 0 ? start_plain(order.index, text.get(), lock.get())
                                          : start_own(order, text.get(), lock.get(), lease));
  runner.attempt = order.attempt;
  runners_.insert_or_assign(order.index, std::move(runner));
  reserved_.erase(order.index);
  return {};
}

Result<LocalRunners::Runner> LocalRunners::start_own(const JobOrder& order,
                                                     int text,
                                                     int lock,
                                                     int lease) {
  process::Command command;
  command.argv = {"dstack", runner_role, job_of_runner(run_, order.index)};
  command.program = process::own_program;
  command.descriptors = {{0, text}, {runner_lock_fd, lock}};
  if (const auto reserved = reserved_.find(order.index); reserved != reserved_.end())
    for (std::size_t i = 0; i < reserved->second.size(); ++i)
      command.descriptors.emplace_back(runner_ports_fd + static_cast<int>(i),
                                       reserved->second[i].reservation.get());
  if (lease >= 0)
    command.descriptors.emplace_back(runner_lease_fd, lease);
  command.group = process::Group::own_session;
  command.signals = process::Signals::blocked;  // a stop may come before it can read one
  Runner runner;
  DSTACK_TRY(auto child, process::spawn(command));
  runner.child.emplace(std::move(child));
  return runner;
}

Result<LocalRunners::Runner> LocalRunners::start_plain(std::size_t job, int text, int lock) {
  DSTACK_TRY(auto serving, idle_.carry_out(job, text, lock));
  Runner runner;
  runner.child.emplace(std::move(serving.child));
  runner.socket = std::move(serving.socket);
  return runner;
}

void LocalRunners::adopt(std::size_t job, std::size_t attempt) {
  Runner& runner = runners_[job];
  runner.attempt = attempt;
  runner.pidfd = folders_.open_runner(job, attempt);
  if (!runner.pidfd)
    ++unknown_;
}

std::vector<std::pair<int, std::size_t>> LocalRunners::watched() const {
  std::vector<std::pair<int, std::size_t>> all;
  all.reserve(runners_.size());
  for (const auto& [job, runner] : runners_) {
    if (is_unread(runner))
      continue;
    if (runner.socket)
      all.emplace_back(runner.socket.get(), job);
    else if (runner.child)
      all.emplace_back(runner.child->pidfd(), job);
    else if (runner.pidfd)
      all.emplace_back(runner.pidfd.get(), job);
  }
  return all;
}

bool LocalRunners::read_record(std::size_t job) {
  Runner& runner = runners_.at(job);
  auto record = folders_.record(job, runner.attempt);
  if (!record && is_transient(record.error()) && runner.failures < most_failures) {
    if (!is_unread(runner))
      ++unread_;
    ++runner.failures;
    return false;
  }
  if (is_unread(runner))
    --unread_;
  runner.record = std::move(record);
  return true;
}

LocalRunners::Found LocalRunners::look_again() {
  Found found;
  for (auto& [job, runner] : runners_) {
    if (is_unread(runner)) {
      if (read_record(job))
        found.ended.push_back(job);
      continue;
    }
    if (runner.child || runner.pidfd)
      continue;
    runner.pidfd = folders_.find_runner(job, runner.attempt);
    if (runner.pidfd) {
      --unknown_;
      ++found.watched;
    } else if (const auto locked = folders_.locked(job, runner.attempt);
               locked && !*locked && read_record(job)) {
      found.ended.push_back(job);
    }
  }
  return found;
}

Result<std::optional<ExitRecord>> LocalRunners::collect(std::size_t job) {
  const auto found = runners_.find(job);
  if (found == runners_.end())
    return std::optional<ExitRecord>();
  while (!found->second.record)
    read_record(job);
  auto record = *std::move(found->second.record);
  const auto ended = release(std::move(found->second));
  runners_.erase(found);
  const auto* exited = ended ? std::get_if<process::Exited>(&*ended) : nullptr;
  const int why = exited == nullptr ? 0 : exited->code;
  if (record && !*record && why > 0 && why < runner_without_words)
    return fail_errno_of(why, "its runner could not work");
  return record;
}

std::optional<process::ExitStatus> LocalRunners::release(Runner runner) {
  if (!runner.child) {
    if (!runner.pidfd)
      --unknown_;
    return std::nullopt;
  }
  // A signal may have come when its job was over: the next job must not get it.
  if (runner.socket && take_state(runner.socket.get()) == RunnerState::ready &&
      !runner.is_signalled) {
    idle_.add({*std::move(runner.child), std::move(runner.socket)});
    return std::nullopt;
  }
  runner.socket.reset();  // nothing follows
  return runner.child->wait();
}

bool LocalRunners::has(std::size_t job) const {
  return runners_.count(job) > 0;
}

bool LocalRunners::reaches(std::size_t job) const {
  const auto found = runners_.find(job);
  return found != runners_.end() && (found->second.child || found->second.pidfd);
}

std::vector<std::size_t> LocalRunners::reached() const {
  std::vector<std::size_t> jobs;
  for (const auto& [fd, job] : watched())
    jobs.push_back(job);
  return jobs;
}

void LocalRunners::stop(std::size_t job, job::StopRequest request) {
  const auto found = runners_.find(job);
  if (found == runners_.end())
    return;
  found->second.is_signalled = true;
  const int number = request == job::StopRequest::abort ? SIGUSR1 : SIGTERM;
  if (found->second.child)
    found->second.child->signal(number);
  else if (found->second.pidfd)
    ::syscall(SYS_pidfd_send_signal, found->second.pidfd.get(), number, nullptr, 0);
}

}  // namespace dstack::run
