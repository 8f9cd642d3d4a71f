#include "dstack/process/adoption.hpp"

#include "dstack/process/identity.hpp"
#include "dstack/process/signal.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::process {

void kill_adopted() {
  constexpr int most_passes = 10'000;  // one of them may start others for a while
  const pid_t self = ::getpid();
  for (int pass = 0; pass < most_passes; ++pass) {
    bool any = false;
    for (const pid_t child : adopted_children()) {
      any = any || identity_of(child).has_value();
      std::vector<pid_t> tree = descendants(child);
      tree.push_back(child);
      for (const pid_t pid : tree)
        signal_if(pid, SIGKILL, [&] { return is_descendant(pid, self); });
      ::waitpid(child, nullptr, WNOHANG);
    }
    if (!any)
      return;
  }
}

}  // namespace dstack::process
