// What the sources of Records share. Internal to store/.
#pragma once

#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/records/database.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dstack::store {

struct Records::Connection {
  Connection(Database opened, files::Home its_home);

  Database database;
  files::Home home;
  std::uint64_t inode = 0;  ///< of the file that was opened; 0: there is none
};

/// Reserves the name for its run for ever: numbers are not reused.
Result<void> reserve_number(Database& database, const std::string& name);

inline std::int64_t milliseconds(Timestamp time) {
  return time.time_since_epoch().count();
}

inline Timestamp timestamp(std::int64_t value) {
  return Timestamp(std::chrono::milliseconds(value));
}

inline std::optional<Timestamp> timestamp(const std::optional<std::int64_t>& value) {
  if (!value)
    return std::nullopt;
  return timestamp(*value);
}

/// Of two columns, which are both null where it has not happened.
inline std::optional<job::Moment> moment(const std::optional<std::int64_t>& at,
                                         const std::optional<std::int64_t>& elapsed) {
  if (!at)
    return std::nullopt;
  return job::Moment{timestamp(*at), std::chrono::milliseconds(elapsed.value_or(0))};
}

inline std::optional<int> small_integer(const std::optional<std::int64_t>& value) {
  if (!value)
    return std::nullopt;
  return static_cast<int>(*value);
}

inline std::optional<std::int64_t> wide(const std::optional<int>& value) {
  if (!value)
    return std::nullopt;
  return *value;
}

// What an older dstack recorded has no elapsed time: there it is the difference of the times by the
// wall clock, and never negative.
inline constexpr std::string_view run_columns =
    "select run.id, run.name, project.path, run.target, run.status, run.machine, run.submitted_at, "
    "run.started_at, "
    "run.finished_at, run.first_failure, run.stop, run.code_tree, run.code_times, run.code_files, "
    "run.code_bytes, "
    "run.git_remote, run.git_branch, run.git_commit, run.git_root_commit, run.git_dirty, "
    "run.boot, run.clock_zero, "
    "coalesce(run.started_elapsed, max(0, run.started_at - run.submitted_at)), "
    "coalesce(run.finished_elapsed, max(0, run.finished_at - run.submitted_at)) "
    "from run join project on project.id = run.project";

inline constexpr std::string_view workflow_columns =
    "select run, number, name, provider, status, cause, exit_code, signal, started_at, "
    "finished_at, jobs, "
    "coalesce(started_elapsed, max(0, started_at - "
    "(select submitted_at from run where run.id = workflow.run))), "
    "coalesce(finished_elapsed, max(0, finished_at - "
    "(select submitted_at from run where run.id = workflow.run))) "
    "from workflow";

/// Of a row of run_columns, without workflows.
Result<RunRecord> run_from(const Query& query);
/// Of a row of workflow_columns, without tags.
Result<WorkflowRecord> workflow_from(const Query& query);
/// Of four columns from `column` on.
job::TreeReference tree_from(const Query& query, int column);

/// A digest as the database holds it: empty for none.
std::string stored_digest(const Digest& digest);
Digest digest_from_stored(std::string_view text);
Result<job::Status> status_from_stored(std::string_view text);
std::optional<job::Cause> cause_from_stored(const Query& query, int column);
void bind_cause(Query& query, const std::optional<job::Cause>& cause);
/// In a transaction. conflict: the workflow has ended.
Result<void> note_workflow_stop(Database& database,
                                RunId run,
                                std::size_t workflow,
                                job::StopRequest request);

}  // namespace dstack::store
