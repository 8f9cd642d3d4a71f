// Ends the program when a signal stays pending for a moment, during work that cannot handle signals
// itself. If the work ends within that moment, the signal is still pending.
#pragma once

#include "dstack/base/event.hpp"
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

  Signals& signals_;
  Event over_;  ///< readable when the work is done
  std::jthread watcher_;
};

}  // namespace dstack::cli
