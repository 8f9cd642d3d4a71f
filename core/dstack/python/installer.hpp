// Runs an installer: its output goes to the environment's log, its last lines are kept for the
// error message.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace dstack::python {

/// What the commands of one build share.
struct InstallContext {
  std::vector<std::string> environment;
  Path stage;          ///< the folder in which the commands run
  int output_fd = -1;  ///< of the environment's log; -1: nowhere
  /// Inherited by the commands: while one of them outlives a killed builder, no other build starts.
  int lock_fd = -1;
  int job_fd = -1;  ///< for what dstack itself says, beside output_fd; -1: nowhere
  /// Each line that the commands write, masked, without the stage's path. May be empty.
  std::function<void(std::string_view)> on_line = {};
  /// Values that neither the log nor a message may show: of secrets, of variables that the files
  /// use.
  std::vector<std::string> hidden = {};
  /// Variables that the files use and that are not set, with their places: "'NAME' at r.txt:3".
  std::vector<std::string> unset = {};
  /// What says where packages are looked for (index_origin.hpp); empty: nothing does.
  std::vector<std::string> indexes = {};

  /// Writes a line of dstack's own to the log.
  void say(std::string_view line) const;
};

struct Transcript {
  process::ExitStatus status;
  std::deque<std::string> last_lines;  ///< twenty at most, masked, without the stage's path
};

/// A stop of the caller's work (base/stop_flag.hpp) is an error; then nothing of the command is left.
Result<Transcript> run_installer(const InstallContext& context, std::vector<std::string> argv);

}  // namespace dstack::python
