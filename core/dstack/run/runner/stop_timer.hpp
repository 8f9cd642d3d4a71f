// When a job is asked to stop, when it has exceeded its timeout, and when it is killed: a value.
// The time is passed in; the caller sends the signals.
#pragma once

#include "dstack/run/protocol/job_order.hpp"

#include <chrono>
#include <optional>

namespace dstack::run {

class StopTimer {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Step {
    none,
    end_rest,  ///< the job's own process has ended; what it left running is asked to stop by TERM
    time_out,  ///< the timeout has passed: the job is asked to stop
    kill,      ///< again and again, until nothing of the job is left
  };

  /// Of a job that was started at `started`.
  StopTimer(const JobOrder& order, Clock::time_point started);

  /// The job was asked to stop: from `now` on it has its grace.
  void begin_grace(Clock::time_point now);

  /// What the job's own process left running was asked to stop.
  void rest_is_asked(Clock::time_point now);

  /// Nothing is waited for any more.
  void kill() { killing_ = true; }

  /// Whether it was asked to stop, or is being killed.
  bool is_ending() const { return killing_ || kill_at_; }

  /// What is to be done now. `main_has_ended`: the job's own process has, others may be left.
  Step due(Clock::time_point now, bool main_has_ended) const;
  /// When to ask due() again even if nothing happens; nothing: when something happens.
  std::optional<Clock::time_point> next(Clock::time_point now) const;

 private:
  std::chrono::milliseconds grace_;
  std::optional<Clock::time_point> timeout_at_;
  std::optional<Clock::time_point> kill_at_;
  bool killing_ = false;
  /// Processes that the job's own one does not end may ignore another signal than TERM.
  bool rest_may_go_on_;
};

}  // namespace dstack::run
