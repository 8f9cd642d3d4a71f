#include "dstack/process/identity.hpp"

#include "dstack/base/fatal_exit.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/adoption.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::process {

namespace {

/// A small file of /proc in one read; empty when it cannot be read.
std::string read_proc(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return {};
  auto text = read_all(file.get());
  return text ? *std::move(text) : std::string();
}

/// What is true of this machine until it is switched off; empty where there is no such file. Who
/// cannot read it would take a living process for a dead one, or itself for another machine.
std::string read_fact(const std::string& path) {
  const auto text = with_patience([&] { return read_kernel_file(path); });
  if (!text && is_transient(text.error()))
    exit_for(render(text.error()), "run the command again", text.error().number);
  return std::string(trim(text.value_or("")));
}

struct Stat {
  pid_t parent = 0;
  std::uint64_t start = 0;
  std::uint64_t environment = 0;  ///< its address; 0: none yet, or we may not know it
};

/// Of a living process.
std::optional<Stat> read_stat(pid_t pid) {
  const std::string stat = read_proc(fmt::format("/proc/{}/stat", pid));
  // The second field is the program's name in parentheses, and may itself hold spaces and
  // parentheses.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size())
    return std::nullopt;
  const auto fields = split(std::string_view(stat).substr(name_end + 2), ' ');
  if (fields.size() < 48 || fields[0] == "Z" || fields[0] == "X")
    return std::nullopt;
  const auto parent = parse_number<pid_t>(fields[1]);
  const auto start = parse_number<std::uint64_t>(fields[19]);
  const auto environment = parse_number<std::uint64_t>(fields[47]);
  if (!parent || !start || !environment)
    return std::nullopt;
  return Stat{*parent, *start, *environment};
}

/// Every number in /proc that is a process.
template <typename Visit>
void each_process(Visit visit) {
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr)
    return;
  while (const dirent* entry = ::readdir(folder))
    if (const auto pid = parse_number<pid_t>(entry->d_name))
      visit(*pid);
  ::closedir(folder);
}

/// The kernel has thrown its old environment away, and has no new one: what may be read of it is
/// empty.
bool is_starting(pid_t pid) {
  if (!Fd(::open(fmt::format("/proc/{}/environ", pid).c_str(), O_RDONLY | O_CLOEXEC)))
    return false;  // another user's, or one of the kernel's
  const auto stat = read_stat(pid);
  return stat && stat->environment == 0;
}

enum class Seen { yes, no, unknown };

/// Unknown: another user's, or one that nobody may look into, or it has ended.
Seen has_open(pid_t pid, const Path& file) {
  struct stat wanted;
  if (::stat(file.c_str(), &wanted) != 0)
    return Seen::no;
  const std::string folder = fmt::format("/proc/{}/fd/", pid);
  DIR* descriptors = ::opendir(folder.c_str());
  if (descriptors == nullptr)
    return Seen::unknown;
  bool found = false;
  while (const dirent* entry = found ? nullptr : ::readdir(descriptors)) {
    struct stat opened;
    found = ::stat((folder + entry->d_name).c_str(), &opened) == 0 &&
            opened.st_dev == wanted.st_dev && opened.st_ino == wanted.st_ino;
  }
  ::closedir(descriptors);
  return found ? Seen::yes : Seen::no;
}

}  // namespace

std::string render(const Identity& identity) {
  return fmt::format("{} {} {}", identity.boot, identity.pid, identity.start);
}

std::optional<Identity> parse_identity(std::string_view text) {
  const auto parts = split(trim(text), ' ');
  if (parts.size() != 3)
    return std::nullopt;
  const auto pid = parse_number<pid_t>(parts[1]);
  const auto start = parse_number<std::uint64_t>(parts[2]);
  if (!pid || !start)
    return std::nullopt;
  return Identity{std::string(parts[0]), *pid, *start};
}

std::optional<Identity> identity_of(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat)
    return std::nullopt;
  return Identity{boot_id(), pid, stat->start};
}

Result<Identity> own_identity() {
  return with_patience([]() -> Result<Identity> {
    errno = 0;
    if (auto self = identity_of(::getpid()))
      return *std::move(self);
    return fail_errno_of(errno == 0 ? EIO : errno, "cannot read '/proc/{}/stat'", ::getpid());
  });
}

bool is_descendant(pid_t pid, pid_t ancestor) {
  for (auto stat = read_stat(pid); stat && stat->parent > 1; stat = read_stat(stat->parent))
    if (stat->parent == ancestor)
      return true;
  return false;
}

Fd open_process(const Identity& identity) {
  if (identity.boot != boot_id() || identity.pid <= 0)
    return Fd();
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, identity.pid, 0)));
  // The check comes after the open: from here on the number cannot be used again unseen.
  if (!pidfd || identity_of(identity.pid) != identity)
    return Fd();
  return pidfd;
}

Fd open_holder(const Path& named, const Path& held) {
  const auto text = read_file(named);
  const auto identity = text ? parse_identity(*text) : std::nullopt;
  if (!identity)
    return Fd();
  Fd process = open_process(*identity);
  return process && has_open(identity->pid, held) != Seen::no ? std::move(process) : Fd();
}

Fd find_holder(const Path& held, std::string_view role) {
  Fd found;
  each_process([&](pid_t pid) {
    if (found)
      return;
    const std::string line = read_proc(fmt::format("/proc/{}/cmdline", pid));
    const auto words = split(line, '\0');
    if (words.size() < 2 || words[1] != role || has_open(pid, held) != Seen::yes)
      return;
    if (const auto identity = identity_of(pid))
      found = open_process(*identity);
  });
  return found;
}

const std::string& boot_id() {
  static const std::string id = read_fact("/proc/sys/kernel/random/boot_id");
  return id;
}

const std::string& machine_id() {
  static const std::string id = [] {
    std::string text = read_fact("/etc/machine-id");
    if (text.empty()) {
      std::array<char, 256> name{};
      if (::gethostname(name.data(), name.size() - 1) == 0)
        text = name.data();
    }
    return text;
  }();
  return id;
}

ClockReading read_clocks() {
  return {boot_id(), now(), monotonic_now()};
}

std::vector<pid_t> children(pid_t pid) {
  std::vector<pid_t> found;
  const std::string base = fmt::format("/proc/{}/task/", pid);
  DIR* tasks = ::opendir(base.c_str());
  if (tasks == nullptr)
    return found;
  while (const dirent* task = ::readdir(tasks)) {
    if (task->d_name[0] == '.')
      continue;
    const std::string text = read_proc(fmt::format("{}{}/children", base, task->d_name));
    for (const std::string_view word : split(trim(text), ' '))
      if (const auto child = parse_number<pid_t>(word))
        found.push_back(*child);
  }
  ::closedir(tasks);
  return found;
}

std::vector<pid_t> descendants(pid_t pid) {
  std::vector<pid_t> found = children(pid);
  for (std::size_t next = 0; next < found.size(); ++next) {
    const auto more = children(found[next]);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> all;
  each_process([&](pid_t pid) { all.push_back(pid); });
  return all;
}

std::vector<pid_t> with_environment(std::string_view name, std::string_view value) {
  std::vector<pid_t> found;
  each_process([&](pid_t pid) {
    if (has_environment(pid, name, value) == Holds::yes)
      found.push_back(pid);
  });
  return found;
}

Holds has_environment(pid_t pid, std::string_view name, std::string_view value) {
  const std::string file = fmt::format("/proc/{}/environ", pid);
  std::string block = read_proc(file);
  if (block.empty() && is_starting(pid))
    return Holds::hidden;
  if (block.empty())
    block = read_proc(file);  // it may have become another program just now
  const std::string wanted = fmt::format("{}={}", name, value);
  if (block.find(wanted) == std::string::npos)
    return Holds::no;
  const auto entries = split(block, '\0');
  return std::find(entries.begin(), entries.end(), wanted) != entries.end() ? Holds::yes
                                                                            : Holds::no;
}

}  // namespace dstack::process
