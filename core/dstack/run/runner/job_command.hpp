// What the runner starts for a job that needs no agent: its own program, or its commands as one
// script for bash. Values; nothing is written.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/job_spec.hpp"

#include <string>
#include <vector>

namespace dstack::run {

struct JobCommand {
  std::vector<std::string> arguments;  ///< the program's name first
  std::string script;                  ///< what to write to `script_file` first; empty: nothing
};

/// bash stops at the first command that fails. A program with a set-up is the last command of that
/// script, and keeps the process. A script that is too long for an argument goes into a file.
JobCommand job_command(const job::JobSpec& spec, const Path& script_file);

}  // namespace dstack::run
