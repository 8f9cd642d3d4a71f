// The signals that a runner gets, as events of its poll loop: TERM, INT and HUP ask for a graceful
// stop of the job, USR1 for an abort, CHLD says that a child has ended.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"

#include <optional>
#include <utility>

#include <signal.h>

namespace dstack::run {

/// For the only thread of the runner.
class RunnerSignals {
 public:
  /// Blocks them, and ignores PIPE, for the rest of the process.
  static Result<RunnerSignals> open();

  static sigset_t all();

  /// Readable while one is pending.
  int fd() const { return fd_.get(); }

  /// The number of the next one; nothing when none is pending.
  std::optional<int> take() const;

 private:
  explicit RunnerSignals(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace dstack::run
