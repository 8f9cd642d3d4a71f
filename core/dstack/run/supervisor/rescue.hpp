// Saves late what the jobs of a finished run have left in their folders: after a full disk, a
// damaged store, or a crash that nobody cleaned up.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <string>
#include <vector>

namespace dstack::run {

struct RescuedJob {
  std::string workflow;
  SavedArtifacts saved;  ///< its error: what still could not be stored, and where it is
};

/// Stores the artifacts of each job whose own workspace is still there, but for those that were
/// saved as a whole, and what it changed beside them; records them, and removes what is then saved.
/// Of a job that did not end well they are partial. The statuses of the run stay what they were.
/// conflict: the run is not over, or somebody else works on it.
Result<std::vector<RescuedJob>> rescue(const files::Home& home,
                                       store::Records& records,
                                       const store::RunRecord& run);

}  // namespace dstack::run
