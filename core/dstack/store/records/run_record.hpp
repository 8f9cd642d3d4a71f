// A run as the database has it: values, read by everybody.
#pragma once

#include "dstack/base/time.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/job/usage.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::store {

using RunId = std::int64_t;

struct JobRecord {
  std::size_t index = 0;
  std::size_t workflow = 0;
  std::string id = {};  ///< 12 hexadecimal digits
  job::Status status = job::Status::submitted;
  /// Of a queued job: "waits for download"; of a failed one: the sentence to show.
  std::string reason = {};
  std::vector<std::string> warnings = {};  ///< of one that is over, however it ended
  std::string workspace = {};              ///< as in JobChange
  std::optional<job::Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
  std::optional<job::Moment> started_at =
      {};  ///< when it left the queue: downloading, preparing or running
  std::optional<job::Moment> finished_at = {};
  bool has_partial_artifacts = false;
  job::Usage usage = {};                    ///< of its last attempt
  std::vector<job::Application> apps = {};  ///< of its last attempt, also when that is over
};

struct HistoryEntry {
  job::Status status = job::Status::submitted;
  job::Moment at = {};
  std::optional<job::Cause> cause = {};
  std::string reason = {};
};

struct WorkflowRecord {
  std::size_t index = 0;
  std::string name = {};
  std::string provider = {};
  job::Status status = job::Status::submitted;
  std::optional<job::Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
  std::optional<job::Moment> started_at = {};
  std::optional<job::Moment> finished_at = {};
  std::size_t jobs = 0;
  std::vector<std::string> tags = {};
};

struct RunRecord {
  RunId id = 0;
  std::string name = {};
  std::string project = {};  ///< path of its folder
  std::string target = {};   ///< what was named on the command line
  job::Status status = job::Status::submitted;
  /// Machine id: a run of another machine in a shared home is shown, never judged.
  std::string machine = {};
  Timestamp submitted_at = {};
  job::RunClock clock = {};  ///< of this boot, or of the last one in which it had a supervisor
  std::optional<job::Moment> started_at = {};
  std::optional<job::Moment> finished_at = {};
  /// Index of the job that failed first; -1 when none did.
  std::int64_t first_failure = -1;
  job::StopRequest stop = job::StopRequest::none;
  job::CodeRecord code = {};
  std::vector<WorkflowRecord> workflows = {};
};

/// Whose an artifact is.
struct ArtifactOwner {
  std::string run = {};
  std::string workflow = {};
  std::string artifact = {};
};

/// The longest of what a listing of runs shows, in characters, so that it can be aligned before its
/// runs were read.
struct ListingBounds {
  std::size_t run_name = 0;
  std::size_t workflow_name = 0;
  std::size_t project = 0;
  std::size_t tags = 0;    ///< of one workflow, with two characters between them
  std::size_t reason = 0;  ///< of a queued job
  std::size_t counts = 0;  ///< of how the combinations of a sweep are; an upper bound
  /// Each combination of status, cause, exit code and signal that a workflow has; nothing else is
  /// set.
  std::vector<WorkflowRecord> outcomes = {};
};

/// A run with its jobs, as it was at one moment.
struct RunState {
  RunRecord run = {};
  std::vector<JobRecord> jobs = {};
};

}  // namespace dstack::store
