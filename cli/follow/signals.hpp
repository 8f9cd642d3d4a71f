// Signals read from a descriptor, for commands that follow something. While a Signals exists,
// SIGINT, SIGTERM, SIGHUP and SIGCONT interrupt nothing; they are pending in its descriptor.
#pragma once

#include "dstack/base/event.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/run/client/follow.hpp"

#include <optional>

#include <signal.h>

namespace dstack::cli {

class Signals {
 public:
  static Result<Signals> open();
  Signals(Signals&&) noexcept = default;
  Signals& operator=(Signals&&) noexcept = default;
  ~Signals();

  /// Readable when a signal is pending, or after wake().
  int fd() const { return both_.get(); }

  /// The next signal; nothing when none is pending.
  std::optional<int> take();

  /// Makes fd() readable, until take_wake().
  void wake() { event_.set(); }

  bool take_wake() { return event_.take(); }

 private:
  Signals() = default;

  Fd signals_;
  Event event_;
  Fd both_;
  sigset_t before_{};
};

/// Follows until a signal or wake(); the run itself continues.
class SignalledListener : public run::FollowListener {
 public:
  explicit SignalledListener(Signals& signals) : signals_(signals) {}

  Then woken() override;

  /// The signal that ended it; 0 when none did.
  int signal() const { return signal_; }

 protected:
  Signals& signals_;

 private:
  int signal_ = 0;
};

}  // namespace dstack::cli
