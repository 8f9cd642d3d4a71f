#include "dstack/run/supervisor/run_history.hpp"

#include "dstack/store/records/records.hpp"

#include <algorithm>

namespace dstack::run {

Result<std::vector<store::JobRecord>> DatabaseHistory::jobs() {
  return records_.jobs(id_);
}

Result<std::vector<job::Artifact>> DatabaseHistory::artifacts() {
  return records_.artifacts(id_);
}

Result<std::vector<store::HistoryEntry>> DatabaseHistory::steps(std::size_t job) {
  return records_.history(id_, job);
}

Result<std::vector<job::StopRequest>> DatabaseHistory::stops() {
  DSTACK_TRY(const auto run, records_.find_run(run_));
  if (!run)
    return fail(ErrorCode::not_found, "run '{}' is no longer recorded", run_);
  DSTACK_TRY(auto stops, records_.workflow_stops(id_));
  for (job::StopRequest& stop : stops)
    stop = std::max(stop, run->stop);
  return stops;
}

}  // namespace dstack::run
