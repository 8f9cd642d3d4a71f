// What is known of every run, in the database: the terms of spec section 9. Written by the command
// line when a run begins and by its supervisor afterwards; read by everybody. The only users of
// sqlite3 are this file's and database's sources.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/records/changes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::store {

/// A run that needs a supervisor, if it has none.
struct RunInCare {
  std::string name = {};
  std::string machine = {};
};

struct RunFilter {
  std::string project = {};   ///< empty: of all projects
  std::string name = {};      ///< empty: any
  std::string workflow = {};  ///< only runs that have it; empty: any
  RunId before = 0;           ///< only older ones than this run; 0: from the newest on
  bool unfinished = false;    ///< only those
  std::size_t most = 0;       ///< newest first; 0: no limit
};

struct Tag {
  std::string tag = {};
  std::string workflow = {};
  std::string run = {};
  Timestamp created_at = {};
  std::string combination = {};  ///< of a sweep, as in sweep/address.hpp; empty: all
};

/// A tree of the store that a run needs, with the times of its use.
struct NeededTree {
  /// For what the run has it.
  enum class Role { code, input, artifact, edits };

  RunId run = 0;
  Role role = Role::code;
  Digest tree;
  Digest times;
};

/// What a removed run needed, and what may still have to be removed from the store.
struct RemovedTree {
  std::int64_t id = 0;
  Digest tree;
  Digest times;
};

/// One connection. For one thread at a time; every process and thread opens its own.
class Records {
 public:
  enum class Mode { read_write, read_only };

  /// Makes the database where there is none. Refuses one of a newer schema. read_only of a home
  /// that has no database yet gives an empty one in memory. damaged: it cannot be read, or there is
  /// none where runs are; rebuild.hpp makes it anew.
  static Result<Records> open(const files::Home& home, Mode mode = Mode::read_write);
  Records(Records&&) noexcept;
  Records& operator=(Records&&) noexcept;
  ~Records();

  /// A name that no run has: `quiet-otter-3`, the number counting per pair of words. Not reserved:
  /// create_run() fails with ErrorCode::conflict when another process took it meanwhile.
  Result<std::string> propose_run_name();
  Result<RunId> create_run(const NewRun& run);
  /// Durable when it returns. A change of a final status is refused (ErrorCode::conflict, and
  /// nothing of `changes` is taken); the same final status once more is not an error and changes
  /// nothing.
  Result<void> apply(RunId run, const RunChanges& changes);
  /// A supervisor goes on with a run of an earlier boot.
  Result<void> set_clock(RunId run, const job::RunClock& clock);
  /// An abort is never taken back by a stop. ErrorCode::conflict when it has ended.
  Result<void> request_stop(RunId run, job::StopRequest request);
  /// Stops these workflows of a run. ErrorCode::conflict when all of them have ended.
  Result<void> request_stop(RunId run,
                            const std::vector<std::size_t>& workflows,
                            job::StopRequest request);
  /// For each workflow, in order.
  Result<std::vector<job::StopRequest>> workflow_stops(RunId run);

  /// Newest first, workflows and tags included. All of them at once: who lists many asks for pages,
  /// with `most` and `before`.
  Result<std::vector<RunRecord>> find_runs(const RunFilter& filter);
  /// Of all runs of the home. Reads through names and statuses alone.
  Result<ListingBounds> listing_bounds();
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
  Result<std::vector<job::Artifact>> artifacts(RunId run);
  /// The newest run that saved this tree. Reads all artifacts: for what goes wrong.
  Result<std::optional<ArtifactOwner>> artifact_with(const job::TreeReference& tree);
  /// By job; only of those that changed something.
  Result<std::vector<job::Edits>> edits(RunId run);
  Result<std::vector<std::string>> run_names(std::size_t most);
  /// By number.
  Result<std::vector<NotificationRecord>> notifications(RunId run);
  /// Of all runs, with the names of these; those of the newest first.
  Result<std::vector<std::pair<std::string, NotificationRecord>>> last_notifications(
      std::size_t most);
  /// Records the progress of a waiting one. ErrorCode::not_found when it does not wait
  /// any more, or the run was removed.
  Result<void> note_attempt(RunId run, const NotificationRecord& notification);
  /// Those that are not over, or have waiting notifications.
  Result<std::vector<RunInCare>> runs_in_care();
  /// Brings what the rows of a run say into its file (run_file.hpp). To be called by its supervisor
  /// now and then and at the end; whatever changes its tags does so by itself. Nothing depends on
  /// it as long as the database is whole, so what fails is not reported.
  void keep(RunId run);
  /// Takes over what the file of a run has beyond its rows: what was recorded in a database that is
  /// lost. False: nothing.
  Result<bool> take_over(std::string_view run);
  /// ErrorCode::damaged when another file is at the database's place, or none: nothing that is
  /// recorded here would be found again.
  Result<void> check_current() const;
  /// Removes the rows of a finished run; what it needed is among removed_trees() from then on.
  /// ErrorCode::conflict when it is unfinished or tagged.
  Result<void> remove_run(RunId run);
  /// Of all runs, or of one: what must stay in the store. As it is at one moment.
  Result<std::vector<NeededTree>> needed_trees();
  Result<std::vector<NeededTree>> needed_trees(RunId run);
  Result<std::vector<RemovedTree>> removed_trees();
  /// Those up to this id.
  Result<void> forget_removed_trees(std::int64_t last);
  /// Another number than before when another connection has committed something meanwhile.
  Result<std::int64_t> changes_by_others();

  Result<std::vector<Tag>> tags(std::string_view project);
  Result<std::optional<Tag>> find_tag(std::string_view project,
                                      std::string_view workflow,
                                      std::string_view tag);
  enum class Force { no, yes };
  /// All or nothing. A workflow may be given with one of its combinations, as in sweep/address.hpp:
  /// then the tag is that one's. A used name is a conflict without Force::yes.
  Result<void> add_tags(std::string_view project,
                        std::string_view tag,
                        const std::vector<std::string>& workflows,
                        RunId run,
                        Force force);
  Result<void> delete_tag(std::string_view project,
                          std::string_view workflow,
                          std::string_view tag);

  /// Whether `path` has no record while nothing is at the recorded path of some project with a
  /// history: only then is it worth asking Git.
  Result<bool> may_have_moved(const std::string& path);
  /// Where the project at `path` was: the recorded path of a project with the same root commit and
  /// remote at which nothing is any more. Nothing for a path that has a record. `prefix` is where
  /// the project is in its repository ("" or "folder/"), which tells the projects of one repository
  /// apart.
  Result<std::optional<std::string>> find_moved_project(const std::string& path,
                                                        const job::GitFacts& git,
                                                        const std::string& prefix = {});
  /// Records what find_moved_project() finds: its runs and tags move along. That path, or nothing.
  Result<std::optional<std::string>> adopt_project(const std::string& path,
                                                   const job::GitFacts& git,
                                                   const std::string& prefix = {});

 private:
  struct Connection;
  explicit Records(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace dstack::store
