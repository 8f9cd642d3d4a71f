// The log of a job as its runner has it: the writer that the job's output goes through, lines of
// the runner's own between those of the job, and the end of what this attempt has written.
#pragma once

#include "dstack/run/runner/log_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace dstack::run {

/// For one thread of one process: the runner's.
class RunnerLog {
 public:
  /// `limit`, `clock`: as of LogWriter.
  static Result<RunnerLog> open(const Path& job_folder,
                                std::uint64_t limit = 0,
                                const job::RunClock& clock = {});

  LogWriter& writer() { return writer_; }

  const LogWriter& writer() const { return writer_; }

  /// A line of the runner's own. It begins a new line, whatever the job has written last.
  Result<void> say(const std::string& sentence);
  /// For a second attempt and later ones: writes that it begins. What earlier ones wrote stays in
  /// the log, and is not part of tail().
  Result<void> begin_attempt(std::size_t attempt, std::size_t attempts);
  /// The last bytes of what this attempt wrote; empty when they cannot be read.
  std::string tail() const;

 private:
  RunnerLog(Path job_folder, LogWriter writer);

  Path folder_;
  LogWriter writer_;
  std::uint64_t begin_ = 0;  ///< offset at which this attempt's output begins
};

}  // namespace dstack::run
