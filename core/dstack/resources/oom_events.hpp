// Processes of a control group that the kernel kills because the group's memory is used up: how
// many there were, and the moment of the first. A parent that waits for a worker may wait for ever
// when it was killed, so whoever watches the job wants to know at once.
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

/// A control group that holds memory.
struct MemoryGroup {
  Hierarchy::Version version = Hierarchy::Version::v2;
  Path folder;
};

/// The one that holds a container's memory, by the container's first process. Nothing unless it is
/// named after the container: an engine in a virtual machine has processes of the same numbers.
std::optional<MemoryGroup> memory_group_of(pid_t process, std::string_view container);
/// The one that holds memory among the groups of a process, if it is named so.
std::optional<MemoryGroup> memory_group_among(const std::vector<Hierarchy>& groups,
                                              std::string_view name);

/// How many of its processes were killed until now.
std::uint64_t killed_for_memory(const MemoryGroup& group);

/// Empty where there is nothing to watch: whatever it was made of, it may be polled and asked.
class OomEvents {
 public:
  OomEvents() = default;
  /// From now on. What cannot be watched is not told.
  explicit OomEvents(MemoryGroup group);

  /// Readable when something may have happened; -1, which poll() passes over, when there is nothing
  /// to wait for.
  int fd() const { return events_.get(); }

  /// Takes what has happened. True once, when the first was killed; nothing is watched afterwards.
  bool take();

 private:
  bool watch(int fd, std::uint32_t events) const;
  bool watch_v1();
  /// Version 1 tells of a kill before it happens; what was killed then ends.
  void watch_processes();

  MemoryGroup group_;
  Fd events_;  ///< of epoll: what is below
  Fd file_;    ///< of v2: `memory.events`, which the kernel says has changed
  Event told_;  ///< of v1: set by the system
  std::vector<Fd> processes_;
};

}  // namespace dstack::resources
