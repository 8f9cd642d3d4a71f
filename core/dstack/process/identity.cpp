#include "dstack/process/identity.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/adoption.hpp"

#include <array>
#include <cstdlib>

#include <dirent.h>
#include <fcntl.h>
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

struct Stat {
  pid_t parent = 0;
  std::uint64_t start = 0;
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
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X")
    return std::nullopt;
  const auto parent = parse_number<pid_t>(fields[1]);
  const auto start = parse_number<std::uint64_t>(fields[19]);
  if (!parent || !start)
    return std::nullopt;
  return Stat{*parent, *start};
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

const std::string& boot_id() {
  static const std::string id(trim(read_proc("/proc/sys/kernel/random/boot_id")));
  return id;
}

const std::string& machine_id() {
  static const std::string id = [] {
    std::string text(trim(read_proc("/etc/machine-id")));
    if (text.empty()) {
      std::array<char, 256> name{};
      if (::gethostname(name.data(), name.size() - 1) == 0)
        text = name.data();
    }
    return text;
  }();
  return id;
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

std::vector<pid_t> with_environment(std::string_view name, std::string_view value) {
  const std::string wanted = std::string(name) + "=" + std::string(value);
  std::vector<pid_t> found;
  each_process([&](pid_t pid) {
    const std::string block = read_proc(fmt::format("/proc/{}/environ", pid));
    if (block.find(wanted) == std::string::npos)
      return;
    for (const std::string_view entry : split(block, '\0'))
      if (entry == wanted) {
        found.push_back(pid);
        return;
      }
  });
  return found;
}

}  // namespace dstack::process
