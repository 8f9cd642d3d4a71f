// Keeps the file of a log below its limit: of a longer one the beginning stays, and the end, and
// the room between them is given back to the disk (run/protocol/log_gap.hpp).
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/run/protocol/log_gap.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace dstack::run {

/// For one thread of one process: the runner's.
class LogLimit {
 public:
  /// No limit.
  LogLimit() = default;

  /// Of a new log. `bytes`: 0 is no limit.
  LogLimit(Path job_folder, std::uint64_t bytes) : folder_(std::move(job_folder)), bytes_(bytes) {}

  /// Of a log that an earlier attempt may have brought to its limit.
  static Result<LogLimit> of(const Path& job_folder, std::uint64_t bytes);

  /// How many bytes may be written from `offset` on before give_back() has to be called; 0: now.
  std::uint64_t room(std::uint64_t offset) const;

  enum class Given {
    first,    ///< the limit is reached
    again,    ///< it was reached before
    nothing,  ///< the file system cannot do that: there is no limit from now on
  };

  /// Gives back what is beyond the limit when the log ends at `offset`.
  Result<Given> give_back(int log, std::uint64_t offset);

  std::uint64_t bytes() const { return bytes_; }

  bool is_reached() const { return gap_.has_value(); }

 private:
  Path folder_;
  std::uint64_t bytes_ = 0;
  std::optional<LogGap> gap_;
};

}  // namespace dstack::run
