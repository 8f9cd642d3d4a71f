#include "dstack/resources/oom_events.hpp"

#include "dstack/base/text.hpp"

#include <array>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::resources {

namespace {

Path counter_of(const MemoryGroup& group) {
  return group.folder /
         (group.version == Hierarchy::Version::v2 ? "memory.events" : "memory.oom_control");
}

/// The number after a key at the beginning of a line: "oom_kill 1".
std::uint64_t number_after(const std::string& text, std::string_view key) {
  for (const std::string_view line : split(text, '\n'))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_number<std::uint64_t>(trim(line.substr(key.size()))).value_or(0);
  return 0;
}

}  // namespace

std::optional<MemoryGroup> memory_group_of(pid_t process, std::string_view container) {
  const auto text_of = [](const std::string& file) { return read_kernel_file(file).value_or(""); };
  return memory_group_among(parse_hierarchies(text_of(fmt::format("/proc/{}/cgroup", process)),
                                              text_of("/proc/self/mountinfo")),
                            container);
}

std::optional<MemoryGroup> memory_group_among(const std::vector<Hierarchy>& groups,
                                              std::string_view name) {
  for (const Hierarchy& each : groups) {
    MemoryGroup group{each.version, each.own};
    if (each.own.string().find(name) != std::string::npos &&
        ::access(counter_of(group).c_str(), R_OK) == 0)
      return group;
  }
  return std::nullopt;
}

std::uint64_t killed_for_memory(const MemoryGroup& group) {
  return number_after(read_kernel_file(counter_of(group)).value_or(""), "oom_kill");
}

OomEvents::OomEvents(MemoryGroup group)
    : group_(std::move(group)), events_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (group_.version == Hierarchy::Version::v1) {
    if (!watch_v1())
      events_.reset();
    return;
  }
  file_ = Fd(::open(counter_of(group_).c_str(), O_RDONLY | O_CLOEXEC));
  if (!watch(file_.get(), EPOLLPRI))
    events_.reset();
}

bool OomEvents::watch(int fd, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool OomEvents::watch_v1() {
  const Fd control(::open(counter_of(group_).c_str(), O_RDONLY | O_CLOEXEC));
  const Fd registry(::open((group_.folder / "cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC));
  auto event = Event::make();
  if (!event)
    return false;
  notified_ = *std::move(event);
  return control && registry && watch(notified_.fd(), EPOLLIN) &&
         write_all(registry.get(), fmt::format("{} {}", notified_.fd(), control.get())).has_value();
}

void OomEvents::watch_processes() {
  processes_.clear();  // closing one removes it from epoll
  const std::string text = read_kernel_file(group_.folder / "cgroup.procs").value_or("");
  for (const std::string_view line : split(text, '\n')) {
    const auto pid = parse_number<pid_t>(line);
    Fd process(pid ? static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)) : -1);
    if (process && watch(process.get(), EPOLLIN | EPOLLONESHOT))
      processes_.push_back(std::move(process));
  }
}

bool OomEvents::take() {
  if (!events_)
    return false;
  if (notified_.take())
    watch_processes();
  std::array<epoll_event, 64> events;
  while (::epoll_wait(events_.get(), events.data(), events.size(), 0) ==
         static_cast<int>(events.size())) {
  }
  // Until the file is read, epoll keeps reporting its change.
  std::array<char, 1> byte;
  if (file_)
    (void)!::pread(file_.get(), byte.data(), byte.size(), 0);
  if (killed_for_memory(group_) == 0)
    return false;
  *this = OomEvents();
  return true;
}

}  // namespace dstack::resources
