#include "dstack/resources/systemd_scope.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"
#include "dstack/process/spawn.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::resources {

namespace {

constexpr auto longest_wait = std::chrono::seconds(5);

/// "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service".
Path group_of_manager(const Hierarchy& v2) {
  const std::string user = std::to_string(::getuid());
  return v2.root / "user.slice" / (fmt::format("user-{}.slice", user)) /
         (fmt::format("user@{}.service", user));
}

bool is_there(const Path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// The user's name may come from a directory in the network, so this is checked last.
bool lingers(const SystemdPlaces& places) {
  const auto user = user_name(::getuid());
  return user && is_there(places.lingering / *user);
}

std::optional<Hierarchy> find_v2() {
  for (Hierarchy& each : find_hierarchies())
    if (each.version == Hierarchy::Version::v2)
      return std::move(each);
  return std::nullopt;
}

/// A scope is started for existing processes: this one.
process::Command start_of_scope(const std::string& unit, const SystemdPlaces& places) {
  const std::string pid = std::to_string(::getpid());
  process::Command command;
  command.argv = {"busctl", "--address=unix:path=" + (places.runtime / "bus").string(), "--quiet"};
  for (const char* word : {"call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"})
    command.argv.emplace_back(word);
  for (const char* word : {"org.freedesktop.systemd1.Manager", "StartTransientUnit"})
    command.argv.emplace_back(word);
  // Signature; name and mode; four properties; no auxiliary units.
  const std::vector<std::string> values = {"ssa(sv)a(sa(sv))",
                                           unit,
                                           "fail",
                                           "4",
                                           "PIDs",
                                           "au",
                                           "1",
                                           pid,
                                           "Delegate",
                                           "b",
                                           "true",
                                           "CollectMode",
                                           "s",
                                           "inactive-or-failed",
                                           "Description",
                                           "s",
                                           "a job of dstack",
                                           "0"};
  command.argv.insert(command.argv.end(), values.begin(), values.end());
  return command;
}

/// The manager answers before it has moved the process, and there is no event for the move.
Result<Path> wait_for_scope(const std::string& unit) {
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  do {
    if (const auto v2 = find_v2(); v2 && v2->own.filename() == unit)
      return v2->own;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < deadline);
  return fail(
      ErrorCode::unavailable, "the user's systemd did not move the job into '{}' within 5 s", unit);
}

std::vector<Path> folders_in(const Path& folder) {
  std::vector<Path> folders;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->status(error).type() == fs::directory_file)
      folders.push_back(entry->path());
  return folders;
}

}  // namespace

SystemdPlaces systemd_places() {
  return {Path("/run/user") / std::to_string(::getuid()), "/var/lib/systemd/linger"};
}

std::string why_no_scope(const Hierarchy& v2,
                         const std::vector<std::string>& controllers,
                         const SystemdPlaces& places) {
  const Path group = group_of_manager(v2);
  if (!is_there(places.runtime / "bus") || !is_there(group))
    return "cgroup v2 is not delegated to this user";
  const auto given = read_controllers(group / "cgroup.controllers");
  for (const std::string& controller : controllers)
    if (std::find(given.begin(), given.end(), controller) == given.end())
      return fmt::format(
          "cgroup v2 is not delegated to this user, and the user's systemd has no controller '{}'",
          controller);
  if (!lingers(places))
    return "the user's systemd could enforce it, but it ends with the last login, and the job with "
           "it; "
           "'loginctl enable-linger' keeps it running";
  return {};
}

Result<Path> enter_scope(const std::string& unit, const SystemdPlaces& places) {
  DSTACK_TRY(const process::Output output,
             process::run(start_of_scope(unit, places), {}, longest_wait));
  if (!process::succeeded(output.status))
    return fail(
        ErrorCode::unavailable, "the user's systemd did not make a scope: {}", trim(output.err));
  DSTACK_TRY(const Path scope, wait_for_scope(unit));
  // A group that delegates controllers must not have processes itself.
  const Path own = scope / "supervisor";
  const Fd procs(::mkdir(own.c_str(), 0755) == 0
                     ? ::open((own / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)
                     : -1);
  if (!procs || !write_all(procs.get(), "0"))
    return fail_errno("cannot use '{}'", own.string());
  return scope;
}

std::vector<Path> find_scope_groups(const Hierarchy& v2, std::string_view prefix) {
  std::vector<Path> groups;
  const Path manager = group_of_manager(v2);
  // Scopes are in the first; older versions put them into the second.
  for (const Path& slice : {manager / "app.slice", manager})
    for (const Path& scope : folders_in(slice))
      if (scope.filename().string().starts_with(prefix) && scope.extension() == ".scope")
        for (Path& group : folders_in(scope))
          groups.push_back(std::move(group));
  return groups;
}

}  // namespace dstack::resources
