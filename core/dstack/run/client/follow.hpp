// Watching a run from outside: its output as it comes, its states as they are recorded. A follower
// owns nothing of the run and may die at any time; when it sees the supervisor die, it starts a new
// one.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

class FollowListener {
 public:
  virtual ~FollowListener() = default;

  /// Once, before anything else. `state` stays where it is as long as the run is followed.
  virtual void began(const store::RunState&) {}

  /// Bytes of one job's log, in order.
  virtual void output(std::size_t job, std::string_view bytes) = 0;

  /// The bytes that came last are a line of ours, which stands for a part of the log that is left
  /// out; it goes on at `offset`.
  virtual void left_out(std::size_t /*job*/, std::uint64_t /*offset*/) {}

  /// Some state has changed: that of the run, or of these jobs; at the beginning those of all jobs.
  /// The output of a job comes after the change to running, and before the change to its end.
  virtual void changed(const store::RunState& state, const std::vector<std::size_t>& jobs) = 0;

  /// About ten times a second while the run lasts, when `tick` was asked for: time to redraw.
  /// Else when next_tick() has passed.
  virtual void tick() {}

  /// Milliseconds until tick() is called, also if nothing happens; negative: it need not be.
  virtual int next_tick() { return -1; }

  enum class Then { go_on, leave };

  /// The watched descriptor is readable (signals of the command line).
  virtual Then woken() { return Then::go_on; }
};

struct FollowOptions {
  int wake_fd = -1;
  bool output = true;  ///< false: states only
  bool tick = false;
  Selection part;  ///< only the jobs of this part of the run
  /// For each job, where in its log to begin; missing: at the start.
  std::vector<std::uint64_t> offsets;
};

enum class FollowEnd { finished, left };

/// Returns when the run is over and the last byte was delivered, or the listener leaves. `state`
/// is empty before, and holds what was seen last. `supervisor`: the run's, where the caller has
/// just started it.
Result<FollowEnd> follow(const files::Home& home,
                         store::Records& records,
                         const std::string& run,
                         store::RunState& state,
                         FollowListener& listener,
                         const FollowOptions& options,
                         std::optional<process::Child> supervisor = std::nullopt);

}  // namespace dstack::run
