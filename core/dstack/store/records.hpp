// What is known of every run, in the database: the words of spec section 9. Written by the command
// line when a run begins and by its supervisor afterwards; read by everybody. The only users of
// sqlite3 are this file's and database's sources.
#pragma once

#include "dstack/base/time.hpp"
#include "dstack/store/exposure.hpp"
#include "dstack/store/home.hpp"
#include "dstack/store/notification.hpp"
#include "dstack/store/objects.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::store {

enum class Status {
  submitted,
  queued,
  downloading,
  preparing,
  running,
  uploading,
  done,
  failed,
  stopping,
  stopped,
  aborting,
  aborted,
  skipped,
};

/// done, failed, stopped, aborted, skipped: never changes again (the database refuses).
bool is_final(Status status);
std::string_view render(Status status);
std::optional<Status> parse_status(std::string_view text);

/// Why a job failed.
enum class Cause { exit, signal, oom, timeout, start, lost };
std::string_view render(Cause cause);
std::optional<Cause> parse_cause(std::string_view text);

enum class StopRequest { none, stop, abort };

using RunId = std::int64_t;

struct GitFacts {
  std::string remote = {};
  std::string branch = {};
  std::string commit = {};
  std::string root_commit = {};  ///< recognises a project that was moved
  bool dirty = false;

  bool operator==(const GitFacts&) const = default;
};

struct CodeRecord {
  TreeReference snapshot = {};
  GitFacts git = {};
};

/// How far an application of a job has come.
enum class AppState {
  starting,
  ready,  ///< it has answered
  late,   ///< it has not, for longer than applications take
};
std::string_view render(AppState state);
std::optional<AppState> parse_app_state(std::string_view text);

/// An application of a job that people open in a browser. It is there while its job runs.
struct AppRecord {
  std::size_t job = 0;
  std::size_t index = 0;  ///< among those of its job
  std::string name = {};
  std::string url = {};       ///< complete: with the job's token, where the address takes it
  std::string password = {};  ///< to be typed in; empty: none
  AppState state = AppState::starting;
  std::optional<Timestamp> ready_at = {};

  bool operator==(const AppRecord&) const = default;
};

/// What a job took of the machine, as far as it is known.
struct Usage {
  std::optional<std::int64_t> peak_memory = {};      ///< bytes, of all its processes together
  std::optional<std::int64_t> largest_process = {};  ///< bytes, of the one that took most
  std::optional<std::int64_t> cpu_time = {};         ///< milliseconds, of all its processes
  std::optional<std::int64_t> bytes_read = {};       ///< from disks, not from memory
  std::optional<std::int64_t> bytes_written = {};

  bool operator==(const Usage&) const = default;
};

struct JobRecord {
  std::size_t index = 0;
  std::size_t workflow = 0;
  std::string id = {};  ///< 12 hexadecimal digits
  Status status = Status::submitted;
  /// Of a queued job: "waits for download"; of a failed one: the sentence to show.
  std::string reason = {};
  std::optional<Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
  std::optional<Timestamp> started_at =
      {};  ///< when it left the queue: downloading, preparing or running
  std::optional<Timestamp> finished_at = {};
  bool has_partial_artifacts = false;
  Usage usage = {};                  ///< of its last attempt
  std::vector<AppRecord> apps = {};  ///< of its last attempt, also when that is over
};

struct HistoryEntry {
  Status status = Status::submitted;
  Timestamp at = {};
  std::optional<Cause> cause = {};
  std::string reason = {};
};

struct ArtifactRecord {
  std::string workflow = {};
  std::string path = {};    ///< from the project's root, normal
  TreeReference tree = {};  ///< holds the artifact at that path (ObjectStore::capture_at)
  bool partial = false;     ///< saved by a job that did not end well
  Exposure exposure = {};   ///< secrets of the job that stand in it
};

/// What a job changed in its copy of the code, beside its artifacts.
struct Edits {
  std::size_t job = 0;
  TreeReference files = {};  ///< those that are new or different, by their paths in the project
  std::vector<std::string> removed = {};  ///< paths in the code
};

struct WorkflowRecord {
  std::size_t index = 0;
  std::string name = {};
  std::string provider = {};
  Status status = Status::submitted;
  std::optional<Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
  std::size_t jobs = 0;
  std::vector<std::string> tags = {};
};

struct RunRecord {
  RunId id = 0;
  std::string name = {};
  std::string project = {};  ///< path of its folder
  std::string target = {};   ///< what was named on the command line
  Status status = Status::submitted;
  /// Machine id: a run of another machine in a shared home is shown, never judged.
  std::string machine = {};
  Timestamp submitted_at = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
  /// Index of the job that failed first; -1 when none did.
  std::int64_t first_failure = -1;
  StopRequest stop = StopRequest::none;
  CodeRecord code = {};
  std::vector<WorkflowRecord> workflows = {};
};

/// A run with its jobs, as it was when somebody looked.
struct RunState {
  RunRecord run = {};
  std::vector<JobRecord> jobs = {};
};

struct NewJob {
  std::size_t workflow = 0;
  std::string id = {};
};

struct NewWorkflow {
  std::string name = {};
  std::string provider = {};
};

struct NewRun {
  std::string name = {};
  std::string project = {};
  std::string target = {};
  std::string machine = {};
  std::string tag = {};  ///< to be set on success; may be empty
  CodeRecord code = {};
  std::vector<NewWorkflow> workflows = {};
  std::vector<NewJob> jobs = {};
  std::string plan = {};  ///< the plan as JSON, kept whole
};

/// One step of one job's life. `at` is when it happened.
struct JobChange {
  std::size_t job = 0;
  Status status = Status::submitted;
  Timestamp at = {};
  std::string reason = {};
  std::optional<Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
  Usage usage = {};  ///< what is not known changes nothing
};

struct WorkflowChange {
  std::size_t workflow = 0;
  Status status = Status::submitted;
  Timestamp at = {};
  /// When its first job left the queue, where this status does not say it: the job may have ended
  /// by now. One that is on record stays.
  std::optional<Timestamp> started_at = {};
  std::optional<Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
};

/// What a supervisor has to say at one moment: all of it becomes durable together, or nothing.
struct RunChanges {
  std::vector<JobChange> jobs = {};
  std::vector<WorkflowChange> workflows = {};
  std::vector<ArtifactRecord>
      artifacts;                      ///< replaces an earlier record of the same workflow and path
  std::vector<AppRecord> apps = {};   ///< likewise, of the same job and index
  std::vector<Edits> edits = {};      ///< likewise, of the same job
  std::optional<Status> status = {};  ///< of the run
  std::optional<Timestamp> started_at = {};  ///< of the run, as of a workflow
  std::optional<std::int64_t> first_failure;
  std::vector<NewNotification> notifications = {};  ///< with the status that ends the run
  Timestamp at = {};

  bool empty() const {
    return jobs.empty() && workflows.empty() && artifacts.empty() && apps.empty() &&
           edits.empty() && !status && !first_failure;
  }
};

/// A run that needs a supervisor, if it has none.
struct RunInCare {
  std::string name = {};
  std::string machine = {};
};

struct RunFilter {
  std::string project = {};  ///< empty: of all projects
  std::string name = {};     ///< empty: any
  bool unfinished = false;   ///< only those
  std::size_t most = 0;      ///< newest first; 0: no limit
};

struct Tag {
  std::string tag = {};
  std::string workflow = {};
  std::string run = {};
  Timestamp created_at = {};
};

/// One connection. For one thread at a time; every process and thread opens its own.
class Records {
 public:
  enum class Mode { read_write, read_only };

  /// Makes the database where there is none. Refuses one of a newer schema. read_only of a home
  /// that has no database yet gives an empty one in memory.
  static Result<Records> open(const Home& home, Mode mode = Mode::read_write);
  Records(Records&&) noexcept;
  Records& operator=(Records&&) noexcept;
  ~Records();

  /// A name that no run has: `quiet-otter-3`, the number counting per pair of words. Not reserved:
  /// create_run() fails with ErrorCode::conflict when somebody else took it meanwhile.
  Result<std::string> propose_run_name();
  Result<RunId> create_run(const NewRun& run);
  /// Durable when it returns. A change of a final status is refused (ErrorCode::conflict, and
  /// nothing of `changes` is taken); to be told the same final status once more is no error and
  /// changes nothing.
  Result<void> apply(RunId run, const RunChanges& changes);
  /// An abort is never taken back by a stop. ErrorCode::conflict when it has ended.
  Result<void> request_stop(RunId run, StopRequest request);
  /// Stops one workflow of a run.
  Result<void> request_stop(RunId run, std::size_t workflow, StopRequest request);
  /// For each workflow, in order.
  Result<std::vector<StopRequest>> workflow_stops(RunId run);

  /// Newest first, workflows and tags included.
  Result<std::vector<RunRecord>> find_runs(const RunFilter& filter);
  Result<std::optional<RunRecord>> find_run(std::string_view name);
  /// The newest run of a project.
  Result<std::optional<RunRecord>> last_run(std::string_view project);
  Result<std::vector<JobRecord>> jobs(RunId run);
  /// Reads again what a change of these jobs can have changed: themselves, their workflows but for
  /// the tags, and the run's own row. Costs what they cost, however large the run is.
  Result<void> refresh(RunState& state, const std::vector<std::size_t>& jobs);
  Result<std::vector<HistoryEntry>> history(RunId run, std::size_t job);
  Result<std::string> plan(RunId run);
  Result<std::string> tag_on_success(RunId run);
  Result<std::vector<ArtifactRecord>> artifacts(RunId run);
  /// By job; only of those that changed something.
  Result<std::vector<Edits>> edits(RunId run);
  Result<std::vector<std::string>> run_names(std::size_t most);
  /// By number.
  Result<std::vector<NotificationRecord>> notifications(RunId run);
  /// Of all runs, with the names of these; those of the newest first.
  Result<std::vector<std::pair<std::string, NotificationRecord>>> last_notifications(
      std::size_t most);
  /// Writes how far a waiting one has come. ErrorCode::not_found when it does not wait
  /// any more, or the run was removed.
  Result<void> note_attempt(RunId run, const NotificationRecord& notification);
  /// Those that are not over, or whose end somebody is still to be told.
  Result<std::vector<RunInCare>> runs_in_care();
  /// Removes the rows of a finished run. ErrorCode::conflict when it is unfinished or tagged.
  Result<void> remove_run(RunId run);

  Result<std::vector<Tag>> tags(std::string_view project);
  Result<std::optional<Tag>> find_tag(std::string_view project,
                                      std::string_view workflow,
                                      std::string_view tag);
  enum class Force { no, yes };
  /// All or nothing. A used name is a conflict without Force::yes.
  Result<void> add_tags(std::string_view project,
                        std::string_view tag,
                        const std::vector<std::string>& workflows,
                        RunId run,
                        Force force);
  Result<void> delete_tag(std::string_view project,
                          std::string_view workflow,
                          std::string_view tag);

  /// The project's path as recorded: when nothing stands at the recorded path of a project with the
  /// same root commit and remote, that project has moved here and its runs come along.
  Result<void> adopt_project(const std::string& path, const GitFacts& git);

 private:
  struct Connection;
  explicit Records(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace dstack::store
