// Running an installer: its output goes to the log as it comes, its last lines are kept for the
// error message.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"

#include <deque>
#include <string>
#include <vector>

namespace dstack::python {

/// What all commands of one build share.
struct InstallContext {
  std::vector<std::string> environment;
  Path stage;          ///< the folder in which the commands run
  int output_fd = -1;  ///< -1: nowhere
  /// Held by the commands, too: while one of them goes on after its builder was killed, nobody else
  /// begins.
  int lock_fd = -1;

  /// A line of our own into the log.
  void say(std::string_view line) const;
};

struct Transcript {
  process::ExitStatus status;
  std::deque<std::string> last_lines;  ///< twenty at most, without the stage's path
};

Result<Transcript> run_installer(const InstallContext& context, std::vector<std::string> argv);

}  // namespace dstack::python
