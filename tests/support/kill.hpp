// Killing the processes that watch over runs, by the files in which they say who they are.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/process/identity.hpp"

#include <string>

#include <signal.h>

namespace dstack::test {

/// Kills the process that a file names: a run's `run.lock`, a job's `runner`. False when there is
/// no such process, or none any more.
inline bool kill_process_of(const Path& file) {
  const auto identity = process::parse_identity(read_file(file).value_or(""));
  return identity && process::open_process(*identity) && ::kill(identity->pid, SIGKILL) == 0;
}

}  // namespace dstack::test
