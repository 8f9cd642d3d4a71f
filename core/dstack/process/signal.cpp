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

void kill_all(const std::function<std::vector<pid_t>()>& look) {
  constexpr int most_passes = 100;
  for (int pass = 0; pass < most_passes; ++pass) {
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
  constexpr int most_passes = 1000;
  constexpr unsigned between_passes = 1000;  // microseconds
  std::vector<pid_t> suspects = all_processes();
  for (int pass = 0; pass < most_passes && !suspects.empty(); ++pass) {
    bool any = false;
    std::erase_if(suspects, [&](pid_t pid) {
      const Holds holds = has_environment(pid, name, value);
      if (holds != Holds::yes || pid == ::getpid() || !identity_of(pid))
        return holds != Holds::hidden;
      any = true;
      signal_if(pid, SIGKILL, [&] { return has_environment(pid, name, value) == Holds::yes; });
      return false;
    });
    // A process may have started another while the list was read.
    if (any)
      suspects = all_processes();
    else if (!suspects.empty())
      ::usleep(between_passes);  // what is hidden now is not for long
  }
}

}  // namespace dstack::process
