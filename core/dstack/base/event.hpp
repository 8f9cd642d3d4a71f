// An event that is also a descriptor: a thread sets it, a poll loop wakes and takes it. The one
// user of eventfd(2).
#pragma once

#include "dstack/base/fd.hpp"

namespace dstack {

class Event {
 public:
  /// None: it can be neither set nor waited for, and fd() is -1.
  Event() = default;
  static Result<Event> make();

  explicit operator bool() const { return static_cast<bool>(fd_); }

  /// Readable (POLLIN) from set() to take().
  int fd() const { return fd_.get(); }

  /// For any thread. Never blocks; what is set already stays set.
  void set() const;
  /// Whether it was set; it no longer is. Never blocks.
  bool take() const;

 private:
  explicit Event(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace dstack
