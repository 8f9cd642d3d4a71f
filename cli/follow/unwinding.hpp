// Work that tidies up after itself when it is interrupted: by Ctrl-C, SIGTERM or the end of the
// terminal. For commands that write where the user would find what is half made.
#pragma once

#include "dstack/base/event.hpp"
#include "dstack/base/stop_flag.hpp"
#include "follow/signals.hpp"

#include <atomic>
#include <optional>
#include <thread>

namespace dstack::cli {

/// While it lives, a signal asks the work of this thread to stop (base/stop_flag.hpp), which then
/// ends with an error and removes what it was making. When the object goes, the process ends by
/// that signal, as it would have at once without it. A second signal does not wait. Where signals
/// cannot be watched, nothing changes.
class Unwinding {
 public:
  Unwinding();
  Unwinding(const Unwinding&) = delete;
  Unwinding& operator=(const Unwinding&) = delete;
  ~Unwinding();

 private:
  void watch();

  std::optional<Signals> signals_;
  StopFlag flag_;
  StoppableWork work_{&flag_};
  Event over_;  ///< readable when the work is done
  std::atomic<int> signal_ = 0;
  std::jthread watcher_;
};

}  // namespace dstack::cli
