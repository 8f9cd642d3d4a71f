// Who a process is, beyond its number: numbers are reused.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

struct Identity {
  std::string boot;  ///< /proc/sys/kernel/random/boot_id
  pid_t pid = 0;
  std::uint64_t start = 0;  ///< clock ticks since boot, field 22 of /proc/PID/stat

  bool operator==(const Identity&) const = default;
};

/// "BOOT PID START".
std::string render(const Identity& identity);
std::optional<Identity> parse_identity(std::string_view text);

/// Of a living process (a zombie is none).
std::optional<Identity> identity_of(pid_t pid);
/// A pidfd of exactly this process; empty when it has ended, also when its number is reused.
Fd open_process(const Identity& identity);
/// This boot of this machine, and the machine itself (/etc/machine-id, else the host's name).
const std::string& boot_id();
const std::string& machine_id();
/// The clocks, now, with the boot that they belong to.
ClockReading read_clocks();

/// All living descendants of a process, children before grandchildren.
std::vector<pid_t> descendants(pid_t pid);
/// Whether a living process has `ancestor` among its parents.
bool is_descendant(pid_t pid, pid_t ancestor);
/// All processes of this user whose environment holds `NAME=value`.
std::vector<pid_t> with_environment(std::string_view name, std::string_view value);

}  // namespace dstack::process
