#include "dstack/process/signal.hpp"

#include "dstack/process/identity.hpp"
#include "dstack/process/kill_all.hpp"

#include <algorithm>

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

/// Again until a look finds none: a process may start another while the list is read.
void kill_all(const std::function<std::vector<pid_t>()>& look) {
  for (int pass = 0; pass < 100; ++pass) {
    bool any = false;
    for (const pid_t pid : look()) {
      if (pid == ::getpid() || !identity_of(pid))
        continue;
      any = true;
      signal_if(pid, SIGKILL, [&] {
        const auto again = look();
        return std::find(again.begin(), again.end(), pid) != again.end();
      });
    }
    if (!any)
      return;
  }
}

void kill_marked(std::string_view name, std::string_view value) {
  kill_all([&] { return with_environment(name, value); });
}

}  // namespace dstack::process
