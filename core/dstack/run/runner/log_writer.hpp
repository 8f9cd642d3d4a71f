// The writing side of a job's log (run/protocol/job_log.hpp has the format): moves bytes from the
// job's pipe to the file, as far as the disk and the limit of the log let it.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/time.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/run/runner/log_limit.hpp"
#include "dstack/secrets/masker.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::run {

/// For one thread of one process: the runner's.
class LogWriter {
 public:
  /// `limit`: bytes; 0: none. `clock`: the run's; empty: unknown.
  static Result<LogWriter> open(const Path& job_folder,
                                std::uint64_t limit = 0,
                                const job::RunClock& clock = {});

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
  /// Moves what the pipe holds, with splice(2) when there is much. What cannot be written, as on a
  /// full disk, is dropped and counted: the job must neither block nor die of it. When the log can
  /// be written again, it says where how many bytes are missing. An error is one of the pipe.
  Result<Moved> move_from(int pipe);

  /// Writes what was held back as a possible part of a secret and how much is missing, and makes
  /// the log durable; nothing to do when it is empty.
  Result<void> sync();

  /// Whether output is dropped now.
  bool is_full() const { return gap_ > 0; }

  /// "the disk was full: 20 bytes of output are missing", of all that was dropped; empty: nothing.
  std::string describe_dropped() const;
  /// Why output is dropped, for the reason of a job that runs: "disk full: its output is not
  /// recorded".
  std::string why_held_up() const;

  /// Writes again from here on, if there is more room than the reserve of the home has given up.
  /// To be called now and then where nothing comes through the pipe.
  void look_for_room();

 private:
  void mark();
  Result<Moved> copy_from(int pipe);
  void write(std::string_view bytes);
  /// As it is, also in a gap; takes away from `bytes` what is written. 0, or an errno.
  int write_front(std::string_view& bytes);
  /// How much may be written now, as far as the limit of the log goes; never 0.
  std::uint64_t make_room();
  Moved drop_from(int pipe);
  void drop(std::size_t bytes, int error);
  /// Says how many bytes a gap has. False where there is no room for that.
  bool close_gap();
  std::string describe_gap(std::uint64_t bytes, const char* verb) const;
  std::string own_line(const std::string& sentence) const;

  Path folder_;
  Fd log_;
  Fd times_;
  std::int64_t offset_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t gap_ = 0;  ///< bytes dropped since something was written last
  int gap_error_ = 0;      ///< why
  std::chrono::steady_clock::time_point next_look_{};
  Timestamp last_mark_{};
  job::RunClock clock_;
  std::optional<Timestamp> zero_;  ///< by the wall clock, as it was noted last
  LogLimit limit_;
  std::optional<secrets::Masker> masker_;
  std::string buffer_;  ///< for the masker: one large piece is scanned faster than many
};

}  // namespace dstack::run
