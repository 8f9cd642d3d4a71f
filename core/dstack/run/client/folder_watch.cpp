#include "dstack/run/client/folder_watch.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::run {

namespace {

// The one that F_NOTIFY sends by itself. Ordinary, not real-time: it is pending once, however much
// is written meanwhile.
constexpr int notice = SIGIO;

sigset_t only_notice() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, notice);
  return set;
}

/// Notices go to this very thread: another one may not block the signal.
bool notifies(int folder) {
  f_owner_ex owner{F_OWNER_TID, static_cast<pid_t>(::syscall(SYS_gettid))};
  return ::fcntl(folder, F_SETOWN_EX, &owner) == 0 &&
         ::fcntl(folder, F_NOTIFY, DN_MODIFY | DN_ATTRIB | DN_MULTISHOT) == 0;
}

Fd open_folder(const std::string& folder) {
  return Fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool has_notify() {
  const Fd any = open_folder("/");
  return any && notifies(any.get());
}

}  // namespace

FolderWatch::FolderWatch(Means wanted) : means_(wanted) {
  const sigset_t notices = only_notice();
  ::pthread_sigmask(SIG_BLOCK, &notices, &mask_before_);
  if (means_ == Means::notify && has_notify())
    events_ = Fd(::signalfd(-1, &notices, SFD_CLOEXEC | SFD_NONBLOCK));
  if (events_)
    return;
  means_ = Means::inotify;
  events_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
}

FolderWatch::~FolderWatch() {
  folders_.clear();
  const sigset_t notices = only_notice();
  const timespec at_once{};
  if (sigismember(&mask_before_, notice) == 0)
    while (::sigtimedwait(&notices, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

bool FolderWatch::add(const Path& folder) {
  if (watches(folder))
    return true;
  Watched made;
  if (means_ == Means::notify) {
    made.descriptor = open_folder(folder.string());
    if (!made.descriptor || !notifies(made.descriptor.get()))
      return false;
  } else {
    made.number =
        ::inotify_add_watch(events_.get(), folder.c_str(), IN_MODIFY | IN_ATTRIB | IN_ONLYDIR);
    if (made.number < 0)
      return false;
  }
  folders_.emplace(folder.string(), std::move(made));
  return true;
}

void FolderWatch::remove(const Path& folder) {
  const auto found = folders_.find(folder.string());
  if (found == folders_.end())
    return;
  if (means_ == Means::inotify)
    ::inotify_rm_watch(events_.get(), found->second.number);
  folders_.erase(found);
}

void FolderWatch::take() const {
  alignas(inotify_event) std::array<char, 8192> events;
  while (events_ && ::read(events_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace dstack::run
