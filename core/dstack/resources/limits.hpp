// Limits a job to the memory, processors and processes it requested: by control groups where this
// user may make them or systemd makes one, else by the kernel's limits of a single process. A limit
// that cannot be enforced is reported before the run.
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/resources/cgroup.hpp"
#include "dstack/resources/oom_events.hpp"
#include "dstack/resources/systemd_scope.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace dstack::resources {

/// How a limit is enforced on this machine.
struct Enforcement {
  enum class Kind {
    cgroup_v2,
    cgroup_v1,
    systemd_scope,  ///< a group of v2 that the user's systemd makes
    each_process,
    nothing
  };

  Kind kind = Kind::nothing;
  Path parent;      ///< of a control group of ours: where one for the job is made
  std::string why;  ///< of the other kinds: why no control group is used
};

struct EnforcementMethods {
  Enforcement memory;
  Enforcement cpu;
  Enforcement processes = {};
};

/// Processes and threads at a time of a job that has a control group and asks for no other limit.
inline constexpr std::uint32_t usual_processes = 32'768;

EnforcementMethods find_enforcement();
EnforcementMethods find_enforcement(const std::vector<Hierarchy>& hierarchies,
                                    const SystemdPlaces& systemd);

/// Whether the limit holds for all processes of a job together.
bool is_control_group(Enforcement::Kind kind);

/// For people: "enforced by cgroup v1", "not enforced: …".
std::string describe(const Enforcement& enforcement);

/// One line for each limit that is requested: "memory 500.0 MB: enforced by cgroup v1"; for
/// processors also what cores.hpp does.
std::vector<std::string> describe_limits(const job::Resources& wanted,
                                         const EnforcementMethods& methods);

/// Enforces the limits of one job. For its runner, which is single-threaded: the job starts between
/// enter() and leave().
class Limiter {
 public:
  Limiter() = default;
  /// A limit that cannot be set is reported in warnings(), and the job runs without it.
  Limiter(const std::string& job, const job::Resources& wanted, EnforcementMethods methods);

  /// Processes that this one starts from here on are limited.
  void enter();
  /// The caller itself is no longer limited.
  void leave();

  /// Nothing where there is no control group for it.
  std::optional<std::uint64_t> peak_memory() const;
  /// How many of the job's processes were killed because they reached its memory limit.
  std::uint64_t killed_for_memory() const;
  /// How often the job was refused one more process or thread.
  std::uint64_t refused_processes() const;
  /// Reports the first of them.
  OomEvents watch_memory() const;

  /// Memory is limited for each of its processes alone.
  bool holds_each_process() const { return data_.has_value(); }

  /// To be called when all processes of the job have ended.
  void remove();

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Group {
    Path folder;
    Path home;  ///< the group of the caller
  };

  /// Replaces `systemd_scope` by the group of version 2 that systemd makes.
  void make_scope(const std::string& name,
                  const job::Resources& wanted,
                  EnforcementMethods& methods);
  void make_memory_group(const std::string& name,
                         std::uint64_t bytes,
                         const Enforcement& enforcement);
  void make_cpu_group(const std::string& name, std::uint32_t cpus, const Enforcement& enforcement);
  /// The usual limit is set where that is possible; nobody has asked for it.
  void make_processes_group(const std::string& name,
                            std::uint32_t processes,
                            const Enforcement& enforcement);
  bool make_group(const Enforcement& enforcement,
                  const std::string& name,
                  const std::vector<std::pair<std::string, std::string>>& settings);

  std::vector<Group> groups_;
  std::optional<MemoryGroup> memory_;
  std::optional<Path> processes_;  ///< the group that limits them
  std::optional<rlimit> data_;     ///< of each process
  rlimit data_before_{};
  std::vector<std::string> warnings_;
};

/// The groups that a job of a killed runner may have: where they would be made, and those that
/// exist in scopes of the user's systemd.
std::vector<Path> find_groups(const std::string& job,
                              const std::vector<Hierarchy>& hierarchies,
                              const SystemdPlaces& systemd);

/// Removes the groups that a killed runner left, with the processes in them, also those that
/// changed the environment by which they are otherwise found.
void remove_groups(const std::string& job);

}  // namespace dstack::resources
