#include "dstack/process/detached.hpp"

#include <sys/prctl.h>

namespace dstack::process {

Result<void> spawn_detached(Command command) {
  int adopts = 0;
  ::prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0);
  // A shell between the two ends at once, and its child goes to the next process that adopts.
  command.argv.insert(command.argv.begin(), {"/bin/sh", "-c", "\"$@\" &", "sh"});
  command.group = Group::own_session;
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  auto shell = spawn(command);
  if (shell)
    (void)shell->wait();
  ::prctl(PR_SET_CHILD_SUBREAPER, adopts, 0, 0, 0);
  return shell ? Result<void>() : Result<void>(fail(std::move(shell).error()));
}

}  // namespace dstack::process
