#include "dstack/run/supervisor/runners.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// A later supervisor tells them to those that are still to come.
Result<void> write_ports(const Path& folder, const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (const std::uint16_t port : ports)
    text += std::to_string(port) + " ";
  text.back() = '\n';
  return write_file_atomically(folder / file_names::ports, text, Durable::no, 0600);
}

}  // namespace

Result<void> Runners::start(const JobOrder& order, const std::vector<Port>& ports, int lifeline) {
  const Path folder = this->folder(order.index, order.attempt);
  DSTACK_CHECK(make_folders(folder));
  if (!order.ports.empty())
    DSTACK_CHECK(write_ports(folder, order.ports));
  DSTACK_TRY(const Fd lock,
             open_file((folder / file_names::lock).string(), O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_exclusive(lock.get(), Wait::no));
  DSTACK_TRY(const Fd text, hand_over_order(render_job_order(order)));

  process::Command command;
  command.argv = {"dstack", "exec", run_ + "/" + std::to_string(order.index)};
  command.program = process::own_program;
  command.descriptors = {{0, text.get()}, {runner_lock_fd, lock.get()}};
  for (std::size_t i = 0; i < ports.size(); ++i)
    command.descriptors.emplace_back(runner_ports_fd + static_cast<int>(i),
                                     ports[i].reservation.get());
  if (lifeline >= 0)
    command.descriptors.emplace_back(runner_lease_fd, lifeline);
  command.group = process::Group::own_session;
  command.signals = process::Signals::blocked;  // a stop may come before it can read one
  DSTACK_TRY(auto child, process::spawn(command));
  Runner& runner = runners_[order.index];
  runner.child.emplace(std::move(child));
  runner.attempt = order.attempt;
  return {};
}

std::size_t Runners::newest_attempt(std::size_t job) const {
  std::size_t attempt = 0;
  while (::access(folder(job, attempt + 1).c_str(), F_OK) == 0)
    ++attempt;
  return attempt;
}

bool Runners::locked(std::size_t job, std::size_t attempt) const {
  const Fd lock(::open((folder(job, attempt) / file_names::lock).c_str(), O_RDWR | O_CLOEXEC));
  if (!lock)
    return false;
  const auto taken = lock_exclusive(lock.get(), Wait::no);
  return taken && !*taken;
}

std::optional<ExitRecord> Runners::record(std::size_t job, std::size_t attempt) const {
  const auto text = read_file(folder(job, attempt) / file_names::exit_record);
  if (!text)
    return std::nullopt;
  auto record = parse_exit_record(*text);
  return record ? std::optional(*std::move(record)) : std::nullopt;
}

std::vector<std::uint16_t> Runners::ports(std::size_t job, std::size_t attempt) const {
  std::vector<std::uint16_t> ports;
  const std::string text = read_file(folder(job, attempt) / file_names::ports).value_or("");
  for (const std::string_view word : split(trim(text), ' '))
    if (const auto port = parse_number<std::uint16_t>(word))
      ports.push_back(*port);
  return ports;
}

Trace Runners::look(std::size_t job, std::size_t attempt) const {
  // In this order: a runner writes its record before it lets go of its lock.
  if (locked(job, attempt))
    return Trace::alive;
  if (record(job, attempt))
    return Trace::ended;
  return ::access((folder(job, attempt) / file_names::runner).c_str(), F_OK) == 0 ? Trace::lost
                                                                                  : Trace::none;
}

void Runners::find(std::size_t job, Runner& runner) const {
  const auto text = read_file(folder(job, runner.attempt) / file_names::runner);
  const auto identity = text ? process::parse_identity(*text) : std::nullopt;
  if (identity)
    runner.pidfd = process::open_process(*identity);
}

void Runners::adopt(std::size_t job, std::size_t attempt) {
  Runner& runner = runners_[job];
  runner.attempt = attempt;
  find(job, runner);
  if (!runner.pidfd)
    ++unknown_;
}

std::vector<std::pair<int, std::size_t>> Runners::watched() const {
  std::vector<std::pair<int, std::size_t>> all;
  all.reserve(runners_.size());
  for (const auto& [job, runner] : runners_) {
    if (runner.child)
      all.emplace_back(runner.child->pidfd(), job);
    else if (runner.pidfd)
      all.emplace_back(runner.pidfd.get(), job);
  }
  return all;
}

std::vector<std::size_t> Runners::look_again() {
  std::vector<std::size_t> ended;
  for (auto& [job, runner] : runners_) {
    if (runner.child || runner.pidfd)
      continue;
    find(job, runner);
    if (runner.pidfd)
      --unknown_;
    else if (!locked(job, runner.attempt))
      ended.push_back(job);
  }
  return ended;
}

std::optional<ExitRecord> Runners::collect(std::size_t job) {
  const auto found = runners_.find(job);
  if (found == runners_.end())
    return std::nullopt;
  if (found->second.child)
    found->second.child->wait();
  else if (!found->second.pidfd)
    --unknown_;
  const std::size_t attempt = found->second.attempt;
  runners_.erase(found);
  return record(job, attempt);
}

bool Runners::reaches(std::size_t job) const {
  const auto found = runners_.find(job);
  return found != runners_.end() && (found->second.child || found->second.pidfd);
}

void Runners::signal(std::size_t job, int number) const {
  const auto found = runners_.find(job);
  if (found == runners_.end())
    return;
  if (found->second.child)
    found->second.child->signal(number);
  else if (found->second.pidfd)
    ::syscall(SYS_pidfd_send_signal, found->second.pidfd.get(), number, nullptr, 0);
}

}  // namespace dstack::run
