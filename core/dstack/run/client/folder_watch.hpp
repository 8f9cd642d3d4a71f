// Wakes a poll loop when files that lie directly in some folders are written to, or their times
// set, by whichever process. For one thread: the one that made it, which must also be the one that
// polls.
//
// By F_NOTIFY, and where the kernel has none by inotify: closing an inotify descriptor waits for
// the kernel to let go of what it watched, 8 to 24 milliseconds that the user would wait for at the
// end of each command.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"

#include <map>

#include <signal.h>

namespace dstack::run {

class FolderWatch {
 public:
  enum class Means { notify, inotify };

  /// By the first of these that the kernel has, beginning with `wanted`.
  explicit FolderWatch(Means wanted = Means::notify);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Readable (POLLIN) after something was written, until take(). Negative where nothing can be
  /// watched.
  int fd() const { return events_.get(); }

  /// Whether it is watched now: not where the system has no more descriptors or watches to give.
  bool add(const Path& folder);

  bool watches(const Path& folder) const { return folders_.count(folder.string()) > 0; }

  void remove(const Path& folder);

  /// Forgets what has happened so far. Never blocks.
  void take() const;

 private:
  struct Watched {
    Fd descriptor;    ///< with F_NOTIFY, whose watch ends when it is closed
    int number = -1;  ///< with inotify
  };

  Means means_;
  Fd events_;
  std::map<std::string, Watched> folders_;
  sigset_t mask_before_;
};

}  // namespace dstack::run
