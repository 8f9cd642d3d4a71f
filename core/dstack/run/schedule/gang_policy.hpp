// The policy of a gang: its jobs end with the first that fails. Decides only; reads
// the scheduler and the attempts, and knows no process, no clock, no disk.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/run/schedule/attempts.hpp"
#include "dstack/run/schedule/scheduler.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace dstack::run {

/// For one thread. Both must outlive it. A job without a gang is a gang of one, to which the
/// policy does not apply.
class GangPolicy {
 public:
  GangPolicy(const Scheduler& scheduler, const Attempts& attempts)
      : scheduler_(scheduler), attempts_(attempts) {}

  /// Whether the current attempt of a job is over: for good, or held back until its gang is judged.
  bool is_over(std::size_t job) const;

  /// Once one of a gang has failed: those beside `job` whose attempt has to be stopped. Empty while
  /// none has.
  std::vector<std::size_t> to_stop_with(std::size_t job) const;

  /// The failure for which a job was stopped that nobody has asked to stop.
  std::optional<std::size_t> stopped_for(const store::JobChange& outcome,
                                         job::StopRequest request) const;

  /// How many of a job's gang are not over for good.
  std::size_t unfinished(std::size_t job) const;

 private:
  const Scheduler& scheduler_;
  const Attempts& attempts_;
};

}  // namespace dstack::run
