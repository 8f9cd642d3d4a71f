// The log of one job: what it wrote, byte for byte, and when.
//
//   log         the job's standard output and error as one stream, in the order of writing
//               of a very long one the middle is left out, and has a hole in its place
//   log.gap     where that is (log_gap.hpp)
//   log.times   pairs of little-endian 64-bit integers: an offset into log, and when the bytes from
//   there on came, in
//               milliseconds since 1970; offsets grow, at most one pair every 10 ms
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
  /// empty at the end. Where a part is left out, a line stands in its place. For who reads on and
  /// on: the buffer need not be filled with zeros each time. The view is of the buffer, or lasts
  /// until the next call.
  Result<std::string_view> next(std::string& buffer, std::uint64_t& offset) const;
  /// At most `most` bytes from `offset`; fewer at the end. What is left out reads as zeros.
  Result<std::string> read(std::uint64_t offset, std::size_t most) const;
  /// The last `most` bytes, of those from `begin` on.
  Result<std::string> read_end(std::size_t most, std::uint64_t begin = 0) const;
  /// When the byte at `offset` came.
  std::optional<Timestamp> time_at(std::uint64_t offset) const;
  /// The first line that came at or after `since`.
  Result<std::uint64_t> offset_since(Timestamp since) const;
  /// Where the last `lines` lines begin.
  Result<std::uint64_t> offset_of_last(std::size_t lines) const;

 private:
  struct Mark {
    std::uint64_t offset;
    Timestamp at;
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

  Path folder_;
  mutable Fd log_;
  mutable std::string line_;              ///< that stands for what is left out
  mutable std::vector<Mark> page_;        ///< neighbouring marks, as read last
  mutable std::uint64_t page_begin_ = 0;  ///< index of the first of them
  mutable std::uint64_t last_found_ = 0;  ///< the mark that was asked for last: most often again
};

}  // namespace dstack::run
