// Trying again what failed for a reason that passes: too many open files, no memory, an error of
// the disk.
#pragma once

#include "dstack/base/error.hpp"

namespace dstack {

/// The pauses between the tries of one piece of work: each is twice as long as the one before, five
/// seconds together. Once that was in vain, nothing else in this process is waited for either,
/// until something succeeds again: a process whose disk has failed for good ends in seconds,
/// however many pieces of work it has. For one thread.
class Patience {
 public:
  /// Waits, if `error` is of a kind that passes (is_transient) and not all tries are used up; false
  /// when it is to be reported.
  bool wait(const Error& error);
  /// The work is done; the next has all tries again.
  void succeeded();

 private:
  int tries_ = 0;
};

/// The result of `work`, a function that returns a Result, which may be called again.
template <typename Work>
auto with_patience(Work&& work) -> decltype(work()) {
  Patience patience;
  for (;;) {
    auto result = work();
    if (result)
      patience.succeeded();
    if (result || !patience.wait(result.error()))
      return result;
  }
}

}  // namespace dstack
