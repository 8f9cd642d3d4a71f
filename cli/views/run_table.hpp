// The table of runs, written page by page.
#pragma once

#include "dstack/base/time.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/table.hpp"
#include "ui/terminal.hpp"
#include "views/workflow_rows.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace dstack::cli {

/// Not read for runs that are over: nothing of their jobs is shown.
std::vector<store::JobRecord> jobs_of(store::Records& records, const store::RunRecord& run);

/// How long a workflow took, or has taken by now; nothing where it has not begun.
std::optional<std::chrono::milliseconds> duration_of(const store::RunRecord& run,
                                                     const store::WorkflowRecord& workflow,
                                                     const ClockReading& now);
/// Why a workflow waits, or what holds it up while it runs: only its jobs have that. Empty:
/// nothing.
std::string what_holds_up(const std::vector<store::JobRecord>& jobs, const WorkflowRow& row);

/// A row for each workflow of each run.
class RunTable {
 public:
  enum class Projects { hidden, shown };

  /// With bounds, which a table of several pages needs for its columns; none where all of it is one
  /// page.
  RunTable(const ui::Stream& stream, Projects projects, const store::ListingBounds& bounds);

  /// The rows of these runs, below the header the first time. Reads the jobs of those that run.
  std::string take(store::Records& records, const std::vector<store::RunRecord>& runs);

  /// After the last row: a line for each application that answers, with an empty line before them.
  std::string addresses() const { return apps_.empty() ? std::string() : "\n" + apps_; }

 private:
  void add_addresses(const store::RunRecord& run, const std::vector<store::JobRecord>& jobs);

  ui::Stream stream_;
  Projects projects_;
  ClockReading at_;
  ui::Table table_;
  std::string apps_;
};

}  // namespace dstack::cli
