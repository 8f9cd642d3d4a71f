// Ends the program when a signal has waited for a moment and nobody has come for it: for stretches
// of work that cannot look at signals themselves. Work that ends within that moment finds the
// signal still waiting.
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
