// Who a process is, beyond its number: numbers are reused.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
/// Of this process.
Result<Identity> own_identity();
/// A pidfd of exactly this process; empty when it has ended, also when its number is reused.
Fd open_process(const Identity& identity);
/// The process whose identity is in the file `named`, if it has `held` open, as far as can be seen.
/// What a power cut or a mistake has put there may name another process, which must neither be
/// waited for nor signalled.
Fd open_holder(const Path& named, const Path& held);
/// A process of this user that has `held` open, and `role` as the second word of its command line;
/// for where no file names it.
Fd find_holder(const Path& held, std::string_view role);
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
enum class Holds {
  no,
  yes,
  hidden,  ///< it is just becoming another program: its environment cannot be seen for that moment
};
/// Whether the environment of one process holds it.
Holds has_environment(pid_t pid, std::string_view name, std::string_view value);
/// Of all living processes.
std::vector<pid_t> all_processes();

}  // namespace dstack::process
