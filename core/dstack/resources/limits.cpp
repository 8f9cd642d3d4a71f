#include "dstack/resources/limits.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::resources {

namespace {

constexpr std::uint64_t period = 100'000;  ///< microseconds; a job's quota is a part of it

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool can_make_groups(const Path& folder) {
  return ::access(folder.c_str(), W_OK) == 0 &&
         ::access((folder / "cgroup.procs").c_str(), W_OK) == 0;
}

using Controllers = std::vector<std::string>;

bool contains_all(const Controllers& names, const Controllers& wanted) {
  return std::all_of(
      wanted.begin(), wanted.end(), [&](const std::string& name) { return contains(names, name); });
}

/// Whether a group below this one of v2 can be limited: the controllers are delegated to it, or
/// this is the root, which may delegate them at any time.
bool delegates(const Path& folder, const Controllers& controllers) {
  return contains_all(read_controllers(folder / "cgroup.subtree_control"), controllers) ||
         ::access((folder / "cgroup.type").c_str(), F_OK) != 0;
}

std::optional<Path> find_parent(const Hierarchy& v2, const Controllers& controllers) {
  for (Path folder = v2.own;; folder = folder.parent_path()) {
    if (!can_make_groups(folder))
      return std::nullopt;
    if (delegates(folder, controllers))
      return folder;
    if (folder == v2.root || !folder.has_parent_path())
      return std::nullopt;
  }
}

Enforcement enforcement_by_v1(const Hierarchy& v1) {
  if (can_make_groups(v1.own))
    return {Enforcement::Kind::cgroup_v1, v1.own, {}};
  return {Enforcement::Kind::nothing, {}, "cgroup v1 is not delegated to this user"};
}

/// All of the controllers in one group.
Enforcement enforcement_by_v2(const Hierarchy& v2,
                              const Controllers& controllers,
                              const SystemdPlaces& systemd) {
  if (!contains_all(v2.controllers, controllers))
    return {};
  if (auto parent = find_parent(v2, controllers))
    return {Enforcement::Kind::cgroup_v2, *std::move(parent), {}};
  std::string why = why_no_scope(v2, controllers, systemd);
  if (why.empty())
    return {Enforcement::Kind::systemd_scope, {}, {}};
  return {Enforcement::Kind::nothing, {}, std::move(why)};
}

/// A process is in one group of v2: a group for both limits is preferred to one for a single limit.
EnforcementMethods enforcement_of_sizes(const Hierarchy& v2, const SystemdPlaces& systemd) {
  if (Enforcement both = enforcement_by_v2(v2, {"memory", "cpu"}, systemd);
      is_control_group(both.kind))
    return {both, both};
  EnforcementMethods methods{enforcement_by_v2(v2, {"memory"}, systemd),
                             enforcement_by_v2(v2, {"cpu"}, systemd)};
  if (is_control_group(methods.memory.kind) && is_control_group(methods.cpu.kind))
    methods.cpu = {Enforcement::Kind::nothing,
                   {},
                   "the control group that limits memory has no controller 'cpu'"};
  return methods;
}

EnforcementMethods enforcement_by_v2(const Hierarchy& v2, const SystemdPlaces& systemd) {
  EnforcementMethods methods = enforcement_of_sizes(v2, systemd);
  methods.processes = enforcement_by_v2(v2, {"pids"}, systemd);
  for (const Enforcement* other : {&methods.memory, &methods.cpu})
    if (is_control_group(other->kind) && is_control_group(methods.processes.kind) &&
        (other->kind != methods.processes.kind || other->parent != methods.processes.parent))
      methods.processes = {Enforcement::Kind::nothing,
                           {},
                           "the control group of its other limits has no controller 'pids'"};
  return methods;
}

/// The kernel takes the whole setting from the first write.
bool write_setting(const Path& file, const std::string& value) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write_all(fd.get(), value).has_value();
}

std::string group_name(const std::string& job) {
  return "dstack-" + job;
}

void kill_members(const Path& group) {
  const std::string members = read_kernel_file(group / "cgroup.procs").value_or("");
  for (const std::string_view line : split(members, '\n'))
    if (const auto pid = parse_number<pid_t>(line); pid && *pid > 0)
      ::kill(*pid, SIGKILL);
}

}  // namespace

EnforcementMethods find_enforcement(const std::vector<Hierarchy>& hierarchies,
                                    const SystemdPlaces& systemd) {
  const Enforcement none{Enforcement::Kind::nothing, {}, "this machine has no control groups"};
  EnforcementMethods methods{none, none, none};
  for (const Hierarchy& tree : hierarchies) {
    EnforcementMethods by_tree;
    if (tree.version == Hierarchy::Version::v1)
      by_tree.memory = by_tree.cpu = by_tree.processes = enforcement_by_v1(tree);
    else
      by_tree = enforcement_by_v2(tree, systemd);
    if (contains(tree.controllers, "memory"))
      methods.memory = by_tree.memory;
    if (contains(tree.controllers, "cpu"))
      methods.cpu = by_tree.cpu;
    if (contains(tree.controllers, "pids"))
      methods.processes = by_tree.processes;
  }
  if (methods.memory.kind == Enforcement::Kind::nothing)
    methods.memory.kind = Enforcement::Kind::each_process;
  return methods;
}

EnforcementMethods find_enforcement() {
  return find_enforcement(find_hierarchies(), systemd_places());
}

bool is_control_group(Enforcement::Kind kind) {
  return kind == Enforcement::Kind::cgroup_v2 || kind == Enforcement::Kind::cgroup_v1 ||
         kind == Enforcement::Kind::systemd_scope;
}

std::string describe(const Enforcement& enforcement) {
  switch (enforcement.kind) {
    case Enforcement::Kind::cgroup_v2:
      return "enforced by cgroup v2";
    case Enforcement::Kind::cgroup_v1:
      return "enforced by cgroup v1";
    case Enforcement::Kind::systemd_scope:
      return "enforced by cgroup v2, in a scope of the user's systemd";
    case Enforcement::Kind::each_process:
      return fmt::format("enforced for each process, not for the job as a whole: {}",
                         enforcement.why);
    case Enforcement::Kind::nothing:
      break;
  }
  return fmt::format("not enforced: {}", enforcement.why);
}

std::vector<std::string> describe_limits(const job::Resources& wanted,
                                         const EnforcementMethods& methods) {
  std::vector<std::string> lines;
  if (wanted.cpu > 0) {
    lines.push_back(fmt::format("cpu {}: {}", wanted.cpu, describe(methods.cpu)));
    lines.push_back(fmt::format(
        "cpu {}: on processors that no other job has, where so many are free", wanted.cpu));
  }
  if (wanted.memory > 0)
    lines.push_back(
        fmt::format("memory {}: {}", render_size(wanted.memory), describe(methods.memory)));
  if (wanted.processes > 0)
    lines.push_back(fmt::format("processes {}: {}", wanted.processes, describe(methods.processes)));
  if (wanted.disk > 0)
    lines.push_back(
        fmt::format("disk {}: its workspace is counted while it runs", render_size(wanted.disk)));
  if (wanted.shm_size > 0)
    lines.push_back(fmt::format("shared memory {}: not enforced: only containers have their own",
                                render_size(wanted.shm_size)));
  return lines;
}

Limiter::Limiter(const std::string& job, const job::Resources& wanted, EnforcementMethods methods) {
  make_scope(group_name(job), wanted, methods);
  if (wanted.memory > 0)
    make_memory_group(group_name(job), wanted.memory, methods.memory);
  if (wanted.cpu > 0)
    make_cpu_group(group_name(job), wanted.cpu, methods.cpu);
  make_processes_group(group_name(job), wanted.processes, methods.processes);
}

void Limiter::make_scope(const std::string& name,
                         const job::Resources& wanted,
                         EnforcementMethods& methods) {
  std::vector<Enforcement*> from_systemd;
  if (wanted.memory > 0 && methods.memory.kind == Enforcement::Kind::systemd_scope)
    from_systemd.push_back(&methods.memory);
  if (wanted.cpu > 0 && methods.cpu.kind == Enforcement::Kind::systemd_scope)
    from_systemd.push_back(&methods.cpu);
  const bool has_other = !from_systemd.empty();
  if (methods.processes.kind == Enforcement::Kind::systemd_scope &&
      (wanted.processes > 0 || has_other))
    from_systemd.push_back(&methods.processes);
  if (from_systemd.empty())
    return;
  // The scope of an earlier attempt may still exist. The name is what find_groups() looks for.
  const std::string unit = fmt::format("{}-{}.scope", name, ::getpid());
  const auto scope = enter_scope(unit, systemd_places());
  if (!scope)
    warnings_.push_back(fmt::format("its limit could not be set: {}", render(scope.error())));
  for (Enforcement* each : from_systemd)
    *each = scope ? Enforcement{Enforcement::Kind::cgroup_v2, *scope, {}} : Enforcement{};
}

void Limiter::make_memory_group(const std::string& name,
                                std::uint64_t bytes,
                                const Enforcement& enforcement) {
  const std::string limit = std::to_string(bytes);
  bool made = false;
  if (enforcement.kind == Enforcement::Kind::cgroup_v2)
    made = make_group(enforcement, name, {{"memory.max", limit}});
  else if (enforcement.kind == Enforcement::Kind::cgroup_v1)
    made = make_group(enforcement, name, {{"memory.limit_in_bytes", limit}});
  if (made) {
    const bool is_v2 = enforcement.kind == Enforcement::Kind::cgroup_v2;
    memory_ = {is_v2 ? Hierarchy::Version::v2 : Hierarchy::Version::v1, groups_.back().folder};
    // Memory that is swapped out would not count; a machine without swap has no such file.
    write_setting(memory_->folder / (is_v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
                  is_v2 ? "0" : limit);
  } else if (::getrlimit(RLIMIT_DATA, &data_before_) == 0) {
    data_ = data_before_;
    data_->rlim_cur = std::min<rlim_t>(bytes, data_before_.rlim_max);
  }
}

void Limiter::make_cpu_group(const std::string& name,
                             std::uint32_t cpus,
                             const Enforcement& enforcement) {
  const std::string quota = std::to_string(cpus * period);
  if (enforcement.kind == Enforcement::Kind::cgroup_v2)
    make_group(enforcement, name, {{"cpu.max", fmt::format("{} {}", quota, period)}});
  else if (enforcement.kind == Enforcement::Kind::cgroup_v1)
    make_group(enforcement,
               name,
               {{"cpu.cfs_period_us", std::to_string(period)}, {"cpu.cfs_quota_us", quota}});
}

void Limiter::make_processes_group(const std::string& name,
                                   std::uint32_t processes,
                                   const Enforcement& enforcement) {
  if (enforcement.kind != Enforcement::Kind::cgroup_v1 &&
      enforcement.kind != Enforcement::Kind::cgroup_v2)
    return;
  const std::size_t warnings_before = warnings_.size();
  const std::string limit = std::to_string(processes != 0 ? processes : usual_processes);
  if (make_group(enforcement, name, {{"pids.max", limit}}))
    processes_ = groups_.back().folder;
  else if (processes == 0)
    warnings_.resize(warnings_before);
}

bool Limiter::make_group(const Enforcement& enforcement,
                         const std::string& name,
                         const std::vector<std::pair<std::string, std::string>>& settings) {
  Group group{enforcement.parent / name, {}};
  if (enforcement.kind == Enforcement::Kind::cgroup_v2)
    for (const char* controller : {"+memory", "+cpu", "+pids"})
      write_setting(enforcement.parent / "cgroup.subtree_control", controller);
  // In a tree with both controllers, the job has one group for both.
  const bool is_new = ::mkdir(group.folder.c_str(), 0755) == 0;
  bool fine = is_new || errno == EEXIST;
  for (const auto& [setting, value] : settings)
    fine = fine && write_setting(group.folder / setting, value);
  if (!fine) {
    warnings_.push_back(
        fmt::format("its limit could not be set: {}",
                    render(fail_errno("cannot use '{}'", group.folder.string()).value())));
    if (is_new)
      ::rmdir(group.folder.c_str());
    return false;
  }
  for (const Hierarchy& tree : find_hierarchies())
    if (group.folder.string().starts_with(tree.root.string() + "/"))
      group.home = tree.own;
  groups_.push_back(std::move(group));
  return true;
}

void Limiter::enter() {
  for (const Group& group : groups_)
    if (!write_setting(group.folder / "cgroup.procs", "0"))
      warnings_.push_back(
          fmt::format("its limit is not enforced: {}",
                      render(fail_errno("cannot enter '{}'", group.folder.string()).value())));
  if (data_)
    ::setrlimit(RLIMIT_DATA, &*data_);
}

void Limiter::leave() {
  for (const Group& group : groups_)
    write_setting(group.home / "cgroup.procs", "0");
  if (data_)
    ::setrlimit(RLIMIT_DATA, &data_before_);
}

std::optional<std::uint64_t> Limiter::peak_memory() const {
  if (!memory_)
    return std::nullopt;
  const bool is_v2 = memory_->version == Hierarchy::Version::v2;
  const std::string text =
      read_kernel_file(memory_->folder / (is_v2 ? "memory.peak" : "memory.max_usage_in_bytes"))
          .value_or("");
  return parse_number<std::uint64_t>(trim(text));
}

std::uint64_t Limiter::killed_for_memory() const {
  return memory_ ? resources::killed_for_memory(*memory_) : 0;
}

std::uint64_t Limiter::refused_processes() const {
  if (!processes_)
    return 0;
  const std::string text = read_kernel_file(*processes_ / "pids.events").value_or("");
  constexpr std::string_view label = "max ";
  return text.starts_with(label)
             ? parse_number<std::uint64_t>(trim(std::string_view(text).substr(label.size())))
                   .value_or(0)
             : 0;
}

OomEvents Limiter::watch_memory() const {
  return memory_ ? OomEvents(*memory_) : OomEvents();
}

void Limiter::remove() {
  for (const Group& group : groups_)
    ::rmdir(group.folder.c_str());
  groups_.clear();
}

std::vector<Path> find_groups(const std::string& job,
                              const std::vector<Hierarchy>& hierarchies,
                              const SystemdPlaces& systemd) {
  std::vector<Path> groups;
  const EnforcementMethods methods = find_enforcement(hierarchies, systemd);
  for (const Enforcement* each : {&methods.memory, &methods.cpu, &methods.processes})
    if (!each->parent.empty())
      groups.push_back(each->parent / group_name(job));
  for (const Hierarchy& tree : hierarchies)
    if (tree.version == Hierarchy::Version::v2)
      for (Path& group : find_scope_groups(tree, group_name(job) + "-"))
        groups.push_back(std::move(group));
  return groups;
}

void remove_groups(const std::string& job) {
  // Killed processes leave their group a moment later, and version 1 has no event for that.
  constexpr int max_wait_ms = 1000;
  for (const Path& folder : find_groups(job, find_hierarchies(), systemd_places()))
    for (int waited = 0; ::rmdir(folder.c_str()) != 0 && errno == EBUSY && waited < max_wait_ms;
         ++waited) {
      kill_members(folder);
      ::usleep(1000);
    }
}

}  // namespace dstack::resources
