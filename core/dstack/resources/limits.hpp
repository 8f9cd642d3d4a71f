// Holding a job to the memory and the processors it asked for: by control groups where this user
// may make some or systemd makes one, else by what the kernel offers for each process alone, and
// where there is nothing it is said, before the run.
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

/// How a limit is kept on this machine.
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
  std::string why;  ///< of the other kinds: what keeps it from being better
};

struct EnforcementMethods {
  Enforcement memory;
  Enforcement cpu;
};

EnforcementMethods find_enforcement();
EnforcementMethods find_enforcement(const std::vector<Hierarchy>& hierarchies,
                                    const SystemdPlaces& systemd);

/// Whether the processes of a job are held together.
bool is_control_group(Enforcement::Kind kind);

/// For people: "enforced by cgroup v1", "not enforced: …".
std::string describe(const Enforcement& means);

/// One line for each limit that is asked for: "memory 500.0 MB: enforced by cgroup v1".
std::vector<std::string> describe_limits(const job::Resources& wanted,
                                         const EnforcementMethods& means);

/// What holds one job. For its runner, which is single-threaded: the job starts between enter()
/// and leave().
class Limiter {
 public:
  Limiter() = default;
  /// What cannot be made is told in warnings(), and the job runs without.
  Limiter(const std::string& job, const job::Resources& wanted, EnforcementMethods means);

  /// From here on what this process starts is held.
  void enter();
  /// The caller itself is not any more.
  void leave();

  /// Where there is a control group for it.
  std::optional<std::uint64_t> peak_memory() const;
  /// How many of the job's processes were killed because its memory was used up.
  std::uint64_t killed_for_memory() const;
  /// Of those, the first.
  OomEvents watch_memory() const;

  /// Memory is held for each of its processes alone.
  bool holds_each_process() const { return data_.has_value(); }

  /// When all of the job has ended.
  void remove();

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Group {
    Path folder;
    Path home;  ///< the group of the caller
  };

  /// Where systemd makes the job's group: turned into means of version 2.
  void make_scope(const std::string& name, const job::Resources& wanted, EnforcementMethods& means);
  void make_memory_group(const std::string& name, std::uint64_t bytes, const Enforcement& means);
  void make_cpu_group(const std::string& name, std::uint32_t cpus, const Enforcement& means);
  bool make_group(const Enforcement& means,
                  const std::string& name,
                  const std::vector<std::pair<std::string, std::string>>& settings);

  std::vector<Group> groups_;
  std::optional<MemoryGroup> memory_;
  std::optional<rlimit> data_;  ///< of each process
  rlimit data_before_{};
  std::vector<std::string> warnings_;
};

/// Removes what a killed runner left of its job's groups, with the processes that are in them:
/// whatever these did to their environment, by which others find them.
void remove_groups(const std::string& job);

}  // namespace dstack::resources
