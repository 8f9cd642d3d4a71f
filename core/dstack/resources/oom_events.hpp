// Processes of a control group that the kernel kills because the group reached its memory limit:
// their number, and an event at the first. A parent may wait for ever for a worker that was killed,
// so the runner has to know at once.
#pragma once

#include "dstack/base/event.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/resources/cgroup.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace dstack::resources {

/// A control group that limits memory.
struct MemoryGroup {
  Hierarchy::Version version = Hierarchy::Version::v2;
  Path folder;
};

/// The one that limits a container's memory, by the container's first process. Nothing unless it is
/// named after the container: an engine in a virtual machine has processes with the same numbers.
std::optional<MemoryGroup> memory_group_of(pid_t process, std::string_view container);
/// The one that limits memory among the groups of a process, if `name` is a part of its name.
std::optional<MemoryGroup> memory_group_among(const std::vector<Hierarchy>& groups,
                                              std::string_view name);

/// How many of its processes were killed so far.
std::uint64_t killed_for_memory(const MemoryGroup& group);

/// May be empty, where there is nothing to watch; then it can be polled and read all the same.
class OomEvents {
 public:
  OomEvents() = default;
  /// Watches from now on. What cannot be watched is not reported.
  explicit OomEvents(MemoryGroup group);

  /// Readable when something may have happened; -1, which poll() ignores, when nothing is watched.
  int fd() const { return events_.get(); }

  /// Reads the events. True once, when the first was killed; nothing is watched afterwards.
  bool take();

 private:
  bool watch(int fd, std::uint32_t events) const;
  bool watch_v1();
  /// Version 1 reports a kill before it happens; the killed process ends after that.
  void watch_processes();

  MemoryGroup group_;
  Fd events_;       ///< an epoll instance for those below
  Fd file_;         ///< v2: `memory.events`, for whose changes the kernel sends events
  Event notified_;  ///< v1: set by the kernel
  std::vector<Fd> processes_;
};

}  // namespace dstack::resources
