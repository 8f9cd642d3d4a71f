#include "dstack/run/wrappers.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/run/exec.hpp"

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
  return write_file_atomically(folder / files::ports, text, Durable::no, 0600);
}

}  // namespace

Result<void> Wrappers::start(const JobOrder& order, const std::vector<Port>& ports, int lifeline) {
  const Path folder = this->folder(order.index, order.attempt);
  DSTACK_CHECK(make_folders(folder));
  if (!order.ports.empty())
    DSTACK_CHECK(write_ports(folder, order.ports));
  DSTACK_TRY(const Fd lock, open_file((folder / files::lock).string(), O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_exclusive(lock.get(), Wait::no));
  DSTACK_TRY(const Fd text, hand_over_order(render_job_order(order)));

  process::Command command;
  command.argv = {"dstack", "exec", run_ + "/" + std::to_string(order.index)};
  command.program = process::own_program;
  command.descriptors = {{0, text.get()}, {exec_lock_fd, lock.get()}};
  for (std::size_t i = 0; i < ports.size(); ++i)
    command.descriptors.emplace_back(exec_ports_fd + static_cast<int>(i),
                                     ports[i].reservation.get());
  if (lifeline >= 0)
    command.descriptors.emplace_back(exec_claim_fd, lifeline);
  command.group = process::Group::own_session;
  command.signals = process::Signals::blocked;  // a stop may come before it can read one
  DSTACK_TRY(auto child, process::spawn(command));
  Wrapper& wrapper = wrappers_[order.index];
  wrapper.child.emplace(std::move(child));
  wrapper.attempt = order.attempt;
  return {};
}

std::size_t Wrappers::newest_attempt(std::size_t job) const {
  std::size_t attempt = 0;
  while (::access(folder(job, attempt + 1).c_str(), F_OK) == 0)
    ++attempt;
  return attempt;
}

bool Wrappers::locked(std::size_t job, std::size_t attempt) const {
  const Fd lock(::open((folder(job, attempt) / files::lock).c_str(), O_RDWR | O_CLOEXEC));
  if (!lock)
    return false;
  const auto taken = lock_exclusive(lock.get(), Wait::no);
  return taken && !*taken;
}

std::optional<ExitRecord> Wrappers::record(std::size_t job, std::size_t attempt) const {
  const auto text = read_file(folder(job, attempt) / files::exit_record);
  if (!text)
    return std::nullopt;
  auto record = parse_exit_record(*text);
  return record ? std::optional(*std::move(record)) : std::nullopt;
}

std::vector<std::uint16_t> Wrappers::ports(std::size_t job, std::size_t attempt) const {
  std::vector<std::uint16_t> ports;
  const std::string text = read_file(folder(job, attempt) / files::ports).value_or("");
  for (const std::string_view word : split(trim(text), ' '))
    if (const auto port = parse_number<std::uint16_t>(word))
      ports.push_back(*port);
  return ports;
}

Trace Wrappers::look(std::size_t job, std::size_t attempt) const {
  // In this order: a wrapper writes its record before it lets go of its lock.
  if (locked(job, attempt))
    return Trace::alive;
  if (record(job, attempt))
    return Trace::ended;
  return ::access((folder(job, attempt) / files::wrapper).c_str(), F_OK) == 0 ? Trace::lost
                                                                              : Trace::none;
}

void Wrappers::find(std::size_t job, Wrapper& wrapper) const {
  const auto text = read_file(folder(job, wrapper.attempt) / files::wrapper);
  const auto identity = text ? process::parse_identity(*text) : std::nullopt;
  if (identity)
    wrapper.pidfd = process::open_process(*identity);
}

void Wrappers::adopt(std::size_t job, std::size_t attempt) {
  Wrapper& wrapper = wrappers_[job];
  wrapper.attempt = attempt;
  find(job, wrapper);
  if (!wrapper.pidfd)
    ++unknown_;
}

std::vector<std::pair<int, std::size_t>> Wrappers::watched() const {
  std::vector<std::pair<int, std::size_t>> all;
  all.reserve(wrappers_.size());
  for (const auto& [job, wrapper] : wrappers_) {
    if (wrapper.child)
      all.emplace_back(wrapper.child->pidfd(), job);
    else if (wrapper.pidfd)
      all.emplace_back(wrapper.pidfd.get(), job);
  }
  return all;
}

std::vector<std::size_t> Wrappers::look_again() {
  std::vector<std::size_t> ended;
  for (auto& [job, wrapper] : wrappers_) {
    if (wrapper.child || wrapper.pidfd)
      continue;
    find(job, wrapper);
    if (wrapper.pidfd)
      --unknown_;
    else if (!locked(job, wrapper.attempt))
      ended.push_back(job);
  }
  return ended;
}

std::optional<ExitRecord> Wrappers::collect(std::size_t job) {
  const auto found = wrappers_.find(job);
  if (found == wrappers_.end())
    return std::nullopt;
  if (found->second.child)
    found->second.child->wait();
  else if (!found->second.pidfd)
    --unknown_;
  const std::size_t attempt = found->second.attempt;
  wrappers_.erase(found);
  return record(job, attempt);
}

bool Wrappers::reaches(std::size_t job) const {
  const auto found = wrappers_.find(job);
  return found != wrappers_.end() && (found->second.child || found->second.pidfd);
}

void Wrappers::signal(std::size_t job, int number) const {
  const auto found = wrappers_.find(job);
  if (found == wrappers_.end())
    return;
  if (found->second.child)
    found->second.child->signal(number);
  else if (found->second.pidfd)
    ::syscall(SYS_pidfd_send_signal, found->second.pidfd.get(), number, nullptr, 0);
}

}  // namespace dstack::run
