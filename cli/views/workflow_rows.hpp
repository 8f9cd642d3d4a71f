// The workflows of a run as listings show them: all combinations of one that is swept are one row.
#pragma once

#include "dstack/store/records/run_record.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace dstack::cli {

struct WorkflowRow {
  /// Of one that is swept: its name without a combination, and status and times of all together.
  /// Its index is the first one's.
  store::WorkflowRecord workflow;
  std::size_t combinations = 0;  ///< 0: it is not swept
  std::map<job::Status, std::size_t> counts = {};

  /// The workflows of the run that it stands for.
  bool holds(std::size_t index) const {
    return index >= workflow.index &&
           index < workflow.index + std::max<std::size_t>(1, combinations);
  }
};

std::vector<WorkflowRow> workflow_rows(const store::RunRecord& run);

/// `WORKFLOW:TAG`, as commands take it, for each tag of the run once.
std::vector<std::string> tags_of(const store::RunRecord& run);

/// "5 of 12 done, 1 failed", "12 combinations" when all are done; empty where it is not swept.
std::string describe_counts(const WorkflowRow& row);

}  // namespace dstack::cli
