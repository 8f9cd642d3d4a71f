// Takes the runner's signals while it prepares its job, which has no poll loop: copying code, an
// installer, a lock that others hold. A stop makes all of that give up (base/stop_flag.hpp), and
// ends what it has started as a job is ended: at once, after the grace by force.
#pragma once

#include "dstack/base/event.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/runner/runner_signals.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include <sys/types.h>

namespace dstack::run {

/// From its making to finish() the work of the calling thread can be stopped.
class PreparationGuard {
 public:
  enum class Looks {
    meanwhile,  ///< from a thread
    at_end,     ///< in finish(): the preparation takes less time than a thread does, and starts
                ///< nothing
  };

  /// `signals` must outlive it. Where no thread can be started the preparation is not stopped: its
  /// job is, as soon as it runs.
  PreparationGuard(const RunnerSignals& signals, std::chrono::milliseconds grace, Looks looks);
  ~PreparationGuard();
  PreparationGuard(const PreparationGuard&) = delete;
  PreparationGuard& operator=(const PreparationGuard&) = delete;

  /// Whether, and how, a stop was asked for; then nothing that the preparation started is left.
  /// From here on signals are the caller's again.
  job::StopRequest finish();

 private:
  using Clock = std::chrono::steady_clock;

  void watch();
  void take_signals();
  /// Each is asked once; past the grace all that are left are killed.
  void end_descendants();

  const RunnerSignals& signals_;
  std::chrono::milliseconds grace_;
  bool looks_at_end_;
  StopFlag flag_;
  std::optional<StoppableWork> work_;
  job::StopRequest request_ = job::StopRequest::none;  ///< the thread's, until it has ended
  std::optional<Clock::time_point> kill_at_;           ///< the thread's, as is
  std::set<pid_t> asked_;
  Event over_;
  std::jthread watcher_;
};

}  // namespace dstack::run
