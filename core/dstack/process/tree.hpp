// What this process has started, and everything that those started, as a whole. The caller must be
// the one that adopts orphans (PR_SET_CHILD_SUBREAPER), or a process whose parent went is missed.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

/// A pipe, or a FIFO of a file system: its device and its inode.
using PipeId = std::pair<std::uint64_t, std::uint64_t>;

/// What a stop has to know of a process.
struct PipeUse {
  pid_t pid = 0;
  PipeId input = {};            ///< standard input; {} where that is no pipe
  std::vector<PipeId> written;  ///< what it has open for writing; those that are input of others
};

/// Which of these processes a stop is sent to: all but those whose standard input is a pipe that
/// another of them writes. Such a process ends at the end of its input, with all of it: `tee` in
/// `train | tee log`. Where processes feed only each other, no end would come, and all get it.
std::vector<pid_t> to_stop(const std::vector<PipeUse>& tree);

/// Sends to every descendant; to the stopped ones SIGCONT after it, so that they can act. False:
/// there is none, or /proc cannot be read.
bool signal_descendants(int number);
/// Sends to those that to_stop() names. Likewise.
bool stop_descendants(int number);
/// Returns once no descendant is alive. Somebody else ends them.
void wait_for_descendants();

}  // namespace dstack::process
