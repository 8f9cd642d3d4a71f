// The log of one job: what it wrote, byte for byte, and when.
//
//   log         the job's standard output and error as one stream, in the order of writing
//               of a very long one the middle is left out, and has a hole in its place
//   log.gap     where that is (log_gap.hpp)
//   log.times   pairs of little-endian 64-bit integers: an offset into log, and when the bytes from
//               there on came, in milliseconds since 1970; offsets grow, at most one pair every
//               10 ms. Where the wall clock and the run's own (job/run_clock.hpp) have come to
//               differ by something else than before, and at the beginning, a pair with the same
//               offset goes before it: what had elapsed of the run, e milliseconds, as -1 - e
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/time.hpp"
#include "dstack/run/protocol/log_gap.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

/// The number of bytes in which the reason of a failure is looked for.
inline constexpr std::size_t end_of_log = 8192;

/// For readers, one thread each. A log that does not exist yet reads as empty; one that cannot be
/// opened is an error. However long it is, what is kept of it in memory is a page of its times.
class JobLog {
 public:
  explicit JobLog(Path job_folder);

  Result<std::uint64_t> size() const;
  /// The bytes from `offset` on, as many as the buffer holds, and moves the offset behind them;
  /// empty at the end. Where a part is left out, a line says so instead. For who reads on and
  /// on: the buffer need not be filled with zeros each time. The view is of the buffer, or lasts
  /// until the next call.
  Result<std::string_view> next(std::string& buffer, std::uint64_t& offset) const;
  /// At most `most` bytes from `offset`; fewer at the end. What is left out reads as zeros.
  Result<std::string> read(std::uint64_t offset, std::size_t most) const;
  /// The last `most` bytes, of those from `begin` on.
  Result<std::string> read_end(std::size_t most, std::uint64_t begin = 0) const;
  /// When the byte at `offset` came: by the wall clock,
  std::optional<Timestamp> time_at(std::uint64_t offset) const;
  /// and by the run's, which older runners did not note.
  std::optional<std::chrono::milliseconds> elapsed_at(std::uint64_t offset) const;
  /// The first line that came at or after `since`.
  Result<std::uint64_t> offset_since(Timestamp since) const;
  /// The same by the run's clock; nothing where that is not noted.
  Result<std::optional<std::uint64_t>> offset_since(std::chrono::milliseconds since) const;
  /// Where the last `lines` lines begin.
  Result<std::uint64_t> offset_of_last(std::size_t lines) const;

 private:
  struct Mark {
    std::uint64_t offset;
    Timestamp at;

    bool is_of_run_clock() const { return at < Timestamp(); }
  };

  /// How the clocks go together at a mark and at those before it, from a pair of them on.
  struct Agreement {
    std::uint64_t begin = 0;             ///< index of the first mark behind that pair
    std::uint64_t end = 0;               ///< behind the last mark that was looked at
    std::optional<Timestamp> zero = {};  ///< by the wall clock, when nothing had elapsed
  };

  /// False where there is no log yet.
  Result<bool> open() const;
  Result<std::string_view> read_into(std::string& buffer, std::uint64_t offset) const;
  /// The gap that these bytes are in, or a part of them. It reads as zeros: a log without any is
  /// not looked for one.
  Result<std::optional<LogGap>> gap_in(std::string_view bytes, std::uint64_t offset) const;
  std::uint64_t mark_count() const;
  std::optional<Mark> mark(std::uint64_t index) const;
  bool is_last_before(std::uint64_t index, std::uint64_t offset) const;
  std::optional<std::uint64_t> mark_at(std::uint64_t offset) const;
  std::optional<std::chrono::milliseconds> elapsed(std::uint64_t index) const;
  Result<std::uint64_t> next_line(const std::optional<Mark>& mark) const;

  Path folder_;
  mutable Fd log_;
  mutable std::string line_;              ///< that stands for what is left out
  mutable std::vector<Mark> page_;        ///< neighbouring marks, as read last
  mutable std::uint64_t page_begin_ = 0;  ///< index of the first of them
  mutable std::uint64_t last_found_ = 0;  ///< the mark that was asked for last: most often again
  mutable Agreement clocks_;              ///< likewise
};

}  // namespace dstack::run
