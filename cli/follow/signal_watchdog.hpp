// Ends the program when a signal stays pending for a moment, during work that cannot handle signals
// itself; what that work has started, such as a download of uv's, ends with it. If
// the work ends within that moment, the signal is still pending.
#pragma once

#include "dstack/base/event.hpp"
#include "dstack/base/stop_flag.hpp"
#include "follow/signals.hpp"

#include <thread>

namespace dstack::cli {

class SignalWatchdog {
 public:
  explicit SignalWatchdog(Signals& signals);
  SignalWatchdog(const SignalWatchdog&) = delete;
  SignalWatchdog& operator=(const SignalWatchdog&) = delete;
  ~SignalWatchdog();

 private:
  void watch();
  /// Not the supervisor of a run, which has a session of its own.
  void end_children();

  Signals& signals_;
  StopFlag flag_;
  StoppableWork work_{&flag_};
  Event over_;  ///< readable when the work is done
  std::jthread watcher_;
};

}  // namespace dstack::cli
