// The writing side of a job's log (run/protocol/job_log.hpp has the format): moves bytes from the
// job's pipe to the file.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/time.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/secrets/masker.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::run {

/// For one thread of one process: the runner's.
class LogWriter {
 public:
  /// `clock`: the run's; empty: unknown.
  static Result<LogWriter> open(const Path& job_folder, const job::RunClock& clock = {});

  /// A descriptor that appends to the log: for the installers of an environment, which the runner
  /// starts. A job never gets one: `echo x > /dev/stderr` would truncate the file.
  Result<Fd> append_descriptor() const;
  /// Goes on behind what was appended meanwhile.
  Result<void> continue_at_end();

  /// What the log must not show, from now on. The bytes then go through this process.
  void hide(secrets::Needles needles);
  /// What that is; empty where nothing is hidden.
  const secrets::Needles& hidden() const;
  /// A text for another place, masked like the log.
  std::string masked(std::string_view text) const;

  enum class Moved { some, nothing, end_of_pipe };
  /// Moves what the pipe holds, with splice(2) when there is much. A full disk drops the bytes and
  /// counts them: the job must neither block nor die of it.
  Result<Moved> move_from(int pipe);

  /// Writes what was held back as a possible part of a secret, and makes the log durable;
  /// nothing to do when it is empty.
  Result<void> sync();

  std::uint64_t dropped() const { return dropped_; }

 private:
  Result<void> mark();
  Result<Moved> copy_from(int pipe);
  Result<void> write(std::string_view bytes);
  Moved drop_from(int pipe);

  Path folder_;
  Fd log_;
  Fd times_;
  std::int64_t offset_ = 0;
  std::uint64_t dropped_ = 0;
  Timestamp last_mark_{};
  job::RunClock clock_;
  std::optional<Timestamp> zero_;  ///< by the wall clock, as it was noted last
  std::optional<secrets::Masker> masker_;
  std::string buffer_;  ///< for the masker: one large piece is scanned faster than many
};

}  // namespace dstack::run
