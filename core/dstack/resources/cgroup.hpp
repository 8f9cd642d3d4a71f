// Control groups as this process sees them: its group in each tree, and its limits.
#pragma once

#include "dstack/base/file.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dstack::resources {

/// A tree of control groups that this process belongs to.
struct Hierarchy {
  enum class Version { v1, v2 };

  Version version = Version::v2;
  std::vector<std::string> controllers;  ///< v1: those of this tree; v2: those its group has
  Path root;                             ///< where it is mounted
  Path own;                              ///< the folder of this process's group in it
};

/// From the texts of /proc/self/cgroup and /proc/self/mountinfo. The controllers of v2 are omitted:
/// they are listed in the tree itself.
std::vector<Hierarchy> parse_hierarchies(std::string_view cgroup, std::string_view mountinfo);
std::vector<Hierarchy> find_hierarchies();
/// The names in a file of v2 such as `cgroup.controllers`; none when it cannot be read.
std::vector<std::string> read_controllers(const Path& file);

struct Limits {
  std::optional<double> cpus;
  std::optional<std::uint64_t> memory;  ///< bytes
};

/// The lowest limits of this process's groups and all above them.
Limits own_limits();
/// The same for given hierarchies.
Limits limits_of(const std::vector<Hierarchy>& hierarchies);

/// A memory limit: a number of bytes; nothing for "max" and for the huge number that means the
/// same.
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);
/// Processors by the text of `cpu.max`: "150000 100000" is 1.5; nothing for "max 100000".
std::optional<double> parse_cpu_max(std::string_view text);

}  // namespace dstack::resources
