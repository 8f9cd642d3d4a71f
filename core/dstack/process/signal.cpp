#include "dstack/process/signal.hpp"

#include "dstack/process/identity.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::process {

void signal_if(pid_t pid, int number, const std::function<bool()>& is_still_meant) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd || !is_still_meant())
    return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
  if (number != SIGKILL)
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGCONT, nullptr, 0);
}

void kill_marked(std::string_view name, std::string_view value) {
  constexpr int most_passes = 1000;
  constexpr unsigned between_passes = 1000;  // microseconds
  // Until two looks in a row find none: a process may start another while the list is read, and is
  // hidden itself while it becomes another program.
  for (int pass = 0, clean = 0; pass < most_passes && clean < 2; ++pass) {
    const bool may_hide = is_any_starting();
    bool any = false;
    for (const pid_t pid : with_environment(name, value)) {
      if (pid == ::getpid() || !identity_of(pid))
        continue;
      any = true;
      signal_if(pid, SIGKILL, [&] { return has_environment(pid, name, value); });
    }
    clean = any || may_hide ? 0 : clean + 1;
    if (!any && may_hide)
      ::usleep(between_passes);
  }
}

}  // namespace dstack::process
