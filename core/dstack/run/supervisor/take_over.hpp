// What a supervisor finds of one before it: recorded jobs, running runners, and ends that were
// never recorded.
#pragma once

#include "dstack/run/schedule/attempts.hpp"
#include "dstack/run/supervisor/run_progress.hpp"
#include "dstack/run/supervisor/supervisor_parts.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <vector>

namespace dstack::run {

/// For one thread, once. All that it is given must outlive it.
class TakeOver {
 public:
  TakeOver(RunProgress& progress, const SupervisorParts& parts)
      : progress_(progress), parts_(parts) {}

  /// Brings the progress to the state of the run, and adopts the runners that are alive. Returns
  /// the ends that are still to be judged, which may stop others: so only when all runners are
  /// known. An error: what was left cannot be read now, and nothing is judged.
  Result<std::vector<End>> find();

 private:
  void restore_ends(const std::vector<store::JobRecord>& jobs);
  void restore_failures(const std::vector<store::JobRecord>& jobs);
  Result<void> find(const store::JobRecord& job, std::vector<End>& ends);
  /// The number of attempts whose retry is recorded.
  Result<std::size_t> recorded_attempts(const store::JobRecord& job, std::size_t attempt);
  /// The supervisor before was killed before it recorded it.
  Result<void> record_missed_retry(std::size_t job, std::size_t attempt);
  Result<End> end_of(std::size_t job, std::size_t attempt);

  RunProgress& progress_;
  SupervisorParts parts_;
};

}  // namespace dstack::run
