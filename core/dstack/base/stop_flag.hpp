// Whether the work at hand is to be given up, because somebody asked for a stop. Work that may take
// long asks between its steps: copying, waiting for a lock or for a program. Who asks is not known
// to it: whoever starts the work says which flag is its own, for the thread that does it.
#pragma once

#include "dstack/base/error.hpp"

#include <atomic>

namespace dstack {

/// Set at most once, by any thread.
class StopFlag {
 public:
  void set() { is_set_ = true; }

  bool is_set() const { return is_set_; }

 private:
  std::atomic<bool> is_set_ = false;
};

/// While it lives, `flag` is that of this thread's work; null: nobody stops it. Restores the one
/// before.
class StoppableWork {
 public:
  explicit StoppableWork(const StopFlag* flag);
  StoppableWork(const StoppableWork&) = delete;
  StoppableWork& operator=(const StoppableWork&) = delete;
  ~StoppableWork();

 private:
  const StopFlag* before_;
};

/// The flag of this thread's work, for the threads that do a part of it; null: there is none.
const StopFlag* stop_flag();
/// Whether this thread's work is to be given up.
bool stop_is_asked();
/// The error of work that was given up.
Failure fail_stopped();
/// That error once a stop is asked for. Before it starts a program, process::spawn() asks too.
Result<void> check_stop();
/// Waits for an advisory lock (base/fd.hpp), as long as nobody asks for a stop.
Result<void> lock_until_stopped(int fd);

}  // namespace dstack
