// What changes a run's rows.
#include "dstack/base/json.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/records/connection.hpp"
#include "dstack/store/records/run_file.hpp"
#include "dstack/store/records/run_name.hpp"

namespace dstack::store {

namespace {

/// The time to put into started_at if there is none yet: work began when the queue was left.
std::optional<job::Moment> start_of(job::Status status, const job::Moment& at) {
  switch (status) {
    case job::Status::downloading:
    case job::Status::preparing:
    case job::Status::running:
    case job::Status::uploading:
      return at;
    default:
      return std::nullopt;
  }
}

std::optional<job::Moment> end_of(job::Status status, const job::Moment& at) {
  return job::is_final(status) ? std::optional(at) : std::nullopt;
}

/// To a column for the wall clock, and one for what had elapsed.
Query& bind_moment(Query& query, const std::optional<job::Moment>& moment) {
  if (!moment)
    return query.bind_null().bind_null();
  return query.bind(milliseconds(moment->at)).bind(moment->elapsed.count());
}

Result<std::int64_t> project_row(Database& database,
                                 const std::string& path,
                                 const job::GitFacts& git) {
  DSTACK_TRY(Query query,
             database.query("insert into project (path, root_commit, remote) values (?1, ?2, ?3) "
                            "on conflict (path) do update set "
                            "root_commit = case ?2 when '' then root_commit else ?2 end, "
                            "remote = case ?3 when '' then remote else ?3 end returning id"));
  DSTACK_TRY(const bool row, query.bind(path).bind(git.root_commit).bind(git.remote).step());
  if (!row)
    return fail(ErrorCode::internal, "the run database did not accept project '{}'", path);
  return query.integer(0);
}

Result<void> take_name(Database& database, const std::string& name) {
  {
    DSTACK_TRY(Query query, database.query("select 1 from run where name = ?1"));
    DSTACK_TRY(const bool taken, query.bind(name).step());
    if (taken)
      return fail(ErrorCode::conflict, "run '{}' already exists", name);
  }
  return reserve_number(database, name);
}

Result<RunId> insert_run(Database& database, const NewRun& run, std::int64_t project) {
  DSTACK_TRY(
      Query query,
      database.query("insert into run (name, project, target, status, machine, submitted_at, "
                     "boot, clock_zero, "
                     "tag_on_success, code_tree, code_times, code_files, code_bytes, git_remote, "
                     "git_branch, git_commit, git_root_commit, git_dirty) "
                     "values (?, ?, ?, 'submitted', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  query.bind(run.name)
      .bind(project)
      .bind(run.target)
      .bind(run.machine)
      .bind(milliseconds(now()))
      .bind(run.boot)
      .bind(monotonic_now().count())
      .bind(run.tag);
  const job::TreeReference& code = run.code.snapshot;
  query.bind(stored_digest(code.tree)).bind(stored_digest(code.times));
  query.bind(static_cast<std::int64_t>(code.files)).bind(static_cast<std::int64_t>(code.bytes));
  const job::GitFacts& git = run.code.git;
  query.bind(git.remote)
      .bind(git.branch)
      .bind(git.commit)
      .bind(git.root_commit)
      .bind(std::int64_t{git.dirty});
  DSTACK_CHECK(query.run());
  return database.last_row_id();
}

Result<void> insert_workflows(Database& database, RunId id, const NewRun& run) {
  std::vector<std::int64_t> jobs(run.workflows.size(), 0);
  for (const NewJob& job : run.jobs)
    if (job.workflow < jobs.size())
      ++jobs[job.workflow];
  for (std::size_t i = 0; i < run.workflows.size(); ++i) {
    DSTACK_TRY(Query query,
               database.query("insert into workflow (run, number, name, provider, status, jobs) "
                              "values (?, ?, ?, ?, 'submitted', ?)"));
    query.bind(id)
        .bind(static_cast<std::int64_t>(i))
        .bind(run.workflows[i].name)
        .bind(run.workflows[i].provider);
    DSTACK_CHECK(query.bind(jobs[i]).run());
  }
  return {};
}

Result<void> insert_jobs(Database& database, RunId id, const NewRun& run) {
  for (std::size_t i = 0; i < run.jobs.size(); ++i) {
    DSTACK_TRY(Query query,
               database.query("insert into job (run, number, workflow, id, status) "
                              "values (?, ?, ?, ?, 'submitted')"));
    query.bind(id)
        .bind(static_cast<std::int64_t>(i))
        .bind(static_cast<std::int64_t>(run.jobs[i].workflow));
    DSTACK_CHECK(query.bind(run.jobs[i].id).run());
  }
  return {};
}

Result<void> insert_inputs(Database& database, RunId id, const NewRun& run) {
  for (const job::TreeReference& input : run.inputs) {
    DSTACK_TRY(Query query,
               database.query("insert or ignore into run_input (run, tree, times) "
                              "values (?, ?, ?)"));
    query.bind(id).bind(stored_digest(input.tree)).bind(stored_digest(input.times));
    DSTACK_CHECK(query.run());
  }
  return {};
}

Result<void> insert_plan(Database& database, RunId id, const std::string& plan) {
  DSTACK_TRY(Query query, database.query("insert into plan (run, json) values (?, ?)"));
  return query.bind(id).bind(plan).run();
}

/// Nothing was updated: either there is no such row, or it has already ended that way and is
/// recorded again, as a supervisor does that takes over a run.
Result<void> expect_ended(
    Database& database, std::string_view sql, RunId run, std::int64_t number, std::string what) {
  DSTACK_TRY(Query query, database.query(sql));
  DSTACK_TRY(const bool row, query.bind(run).bind(number).step());
  if (row)
    return {};
  return fail(ErrorCode::not_found, "run {} has no {} {}", run, what, number);
}

Result<void> add_history(Database& database,
                         RunId run,
                         const JobChange& change,
                         std::int64_t step) {
  DSTACK_TRY(Query query,
             database.query("insert into history (run, job, step, status, at, elapsed, cause, "
                            "reason) values (?, ?, ?, ?, ?, ?, ?, ?)"));
  query.bind(run).bind(static_cast<std::int64_t>(change.job)).bind(step);
  bind_moment(query.bind(render(change.status)), change.at);
  bind_cause(query, change.cause);
  return query.bind(change.reason).run();
}

Result<void> apply_job(Database& database, RunId run, const JobChange& change) {
  const auto number = static_cast<std::int64_t>(change.job);
  std::optional<std::int64_t> step;
  {
    DSTACK_TRY(
        Query query,
        database.query("update job set status = ?3, reason = ?4, cause = ?5, exit_code = ?6, "
                       "signal = ?7, started_at = coalesce(started_at, ?8), "
                       "started_elapsed = iif(started_at is null, ?9, started_elapsed), "
                       "finished_at = ?10, finished_elapsed = ?11, "
                       "peak_memory = coalesce(?12, peak_memory), "
                       "largest_process = coalesce(?13, largest_process), "
                       "cpu_time = coalesce(?14, cpu_time), "
                       "bytes_read = coalesce(?15, bytes_read), "
                       "bytes_written = coalesce(?16, bytes_written), warnings = ?17, "
                       "workspace = case ?18 when '' then workspace else ?18 end, "
                       "steps = steps + 1 where run = ?1 and number = ?2 "
                       "and not (finished_at is not null and status = ?3) returning steps"));
    query.bind(run).bind(number).bind(render(change.status)).bind(change.reason);
    bind_cause(query, change.cause);
    query.bind(wide(change.exit_code)).bind(wide(change.signal));
    bind_moment(query, start_of(change.status, change.at));
    bind_moment(query, end_of(change.status, change.at));
    query.bind(change.usage.peak_memory).bind(change.usage.largest_process);
    query.bind(change.usage.cpu_time).bind(change.usage.bytes_read);
    query.bind(change.usage.bytes_written).bind(render_json(Json(change.warnings)));
    query.bind(change.workspace);
    DSTACK_TRY(const bool row, query.step());
    if (row)
      step = query.integer(0);
  }
  if (!step)
    return expect_ended(
        database, "select 1 from job where run = ? and number = ?", run, number, "job");
  return add_history(database, run, change, *step);
}

Result<void> apply_workflow(Database& database, RunId run, const WorkflowChange& change) {
  const auto number = static_cast<std::int64_t>(change.workflow);
  {
    DSTACK_TRY(
        Query query,
        database.query("update workflow set status = ?3, cause = ?4, exit_code = ?5, signal = ?6, "
                       "started_at = coalesce(started_at, ?7), "
                       "started_elapsed = iif(started_at is null, ?8, started_elapsed), "
                       "finished_at = ?9, finished_elapsed = ?10 "
                       "where run = ?1 and number = ?2 "
                       "and not (finished_at is not null and status = ?3)"));
    query.bind(run).bind(number).bind(render(change.status));
    bind_cause(query, change.cause);
    query.bind(wide(change.exit_code)).bind(wide(change.signal));
    bind_moment(query, change.started_at ? change.started_at : start_of(change.status, change.at));
    bind_moment(query, end_of(change.status, change.at));
    DSTACK_CHECK(query.run());
    if (database.changes() > 0)
      return {};
  }
  return expect_ended(
      database, "select 1 from workflow where run = ? and number = ?", run, number, "workflow");
}

Result<void> apply_artifact(Database& database, RunId run, const job::Artifact& artifact) {
  DSTACK_TRY(
      Query query,
      database.query("insert or replace into artifact (run, workflow, path, tree, times, files, "
                     "bytes, partial, exposure) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  query.bind(run).bind(artifact.workflow).bind(artifact.path);
  query.bind(stored_digest(artifact.tree.tree)).bind(stored_digest(artifact.tree.times));
  query.bind(static_cast<std::int64_t>(artifact.tree.files))
      .bind(static_cast<std::int64_t>(artifact.tree.bytes));
  query.bind(std::int64_t{artifact.partial});
  return query.bind(render_json(artifact.exposure)).run();
}

Result<void> apply_app(Database& database, RunId run, const job::Application& app) {
  DSTACK_TRY(Query query,
             database.query("insert or replace into app (run, job, number, name, url, password, "
                            "state, ready_at) values (?, ?, ?, ?, ?, ?, ?, ?)"));
  query.bind(run)
      .bind(static_cast<std::int64_t>(app.job))
      .bind(static_cast<std::int64_t>(app.index))
      .bind(app.name)
      .bind(app.url)
      .bind(app.password)
      .bind(render(app.state));
  std::optional<std::int64_t> ready_at;
  if (app.ready_at)
    ready_at = milliseconds(*app.ready_at);
  return query.bind(ready_at).run();
}

Result<void> apply_edits(Database& database, RunId run, const job::Edits& edits) {
  DSTACK_TRY(Query query,
             database.query("insert or replace into edits (run, job, tree, times, files, bytes, "
                            "removed, exposure) values (?, ?, ?, ?, ?, ?, ?, ?)"));
  query.bind(run).bind(static_cast<std::int64_t>(edits.job));
  query.bind(stored_digest(edits.files.tree)).bind(stored_digest(edits.files.times));
  query.bind(static_cast<std::int64_t>(edits.files.files))
      .bind(static_cast<std::int64_t>(edits.files.bytes));
  query.bind(render_json(Json(edits.removed)));
  return query.bind(render_json(edits.exposure)).run();
}

Result<void> apply_status(Database& database,
                          RunId run,
                          job::Status status,
                          const job::Moment& at,
                          const std::optional<job::Moment>& started_at) {
  DSTACK_TRY(Query query,
             database.query("update run set status = ?2, started_at = coalesce(started_at, ?3), "
                            "started_elapsed = iif(started_at is null, ?4, started_elapsed), "
                            "finished_at = ?5, finished_elapsed = ?6 where id = ?1 "
                            "and not (finished_at is not null and status = ?2)"));
  query.bind(run).bind(render(status));
  bind_moment(query, started_at ? started_at : start_of(status, at));
  bind_moment(query, end_of(status, at));
  DSTACK_CHECK(query.run());
  if (database.changes() > 0)
    return {};
  return expect_ended(database, "select 1 from run where id = ? and ? = 0", run, 0, "row");
}

/// One that is already recorded keeps its id.
Result<void> apply_notification(Database& database,
                                RunId run,
                                const NewNotification& notification) {
  DSTACK_TRY(Query query,
             database.query("insert or ignore into notification (run, number, id, receiver) "
                            "values (?, ?, ?, ?)"));
  query.bind(run).bind(static_cast<std::int64_t>(notification.number)).bind(notification.id);
  return query.bind(notification.receiver).run();
}

Result<void> apply_first_failure(Database& database, RunId run, std::int64_t job) {
  DSTACK_TRY(Query query, database.query("update run set first_failure = ? where id = ?"));
  return query.bind(job).bind(run).run();
}

Result<void> apply_all(Database& database, RunId run, const RunChanges& changes) {
  for (const JobChange& change : changes.jobs)
    DSTACK_CHECK(apply_job(database, run, change));
  for (const WorkflowChange& change : changes.workflows)
    DSTACK_CHECK(apply_workflow(database, run, change));
  for (const job::Artifact& artifact : changes.artifacts)
    DSTACK_CHECK(apply_artifact(database, run, artifact));
  for (const job::Application& app : changes.apps)
    DSTACK_CHECK(apply_app(database, run, app));
  for (const job::Edits& edits : changes.edits)
    DSTACK_CHECK(apply_edits(database, run, edits));
  for (const NewNotification& notification : changes.notifications)
    DSTACK_CHECK(apply_notification(database, run, notification));
  for (const WorkflowStop& stop : changes.stops)
    if (auto noted = note_workflow_stop(database, run, stop.workflow, stop.request);
        !noted && noted.error().code != ErrorCode::conflict)
      return noted;
  if (changes.first_failure)
    DSTACK_CHECK(apply_first_failure(database, run, *changes.first_failure));
  if (changes.status)
    DSTACK_CHECK(apply_status(database, run, *changes.status, changes.at, changes.started_at));
  return {};
}

}  // namespace

Result<std::string> Records::propose_run_name() {
  const std::string pair = random_word_pair();
  DSTACK_TRY(Query query, connection_->database.query("select last from run_name where pair = ?"));
  DSTACK_TRY(const bool row, query.bind(pair).step());
  return pair + "-" + std::to_string(row ? query.integer(0) + 1 : 1);
}

Result<RunId> Records::create_run(const NewRun& run) {
  Database& database = connection_->database;
  DSTACK_TRY(Transaction transaction, Transaction::begin(database));
  DSTACK_CHECK(take_name(database, run.name));
  DSTACK_TRY(const std::int64_t project, project_row(database, run.project, run.code.git));
  DSTACK_TRY(const RunId id, insert_run(database, run, project));
  DSTACK_CHECK(insert_inputs(database, id, run));
  DSTACK_CHECK(insert_workflows(database, id, run));
  DSTACK_CHECK(insert_jobs(database, id, run));
  DSTACK_CHECK(insert_plan(database, id, run.plan));
  DSTACK_CHECK(transaction.commit());
  return id;
}

Result<void> Records::apply(RunId run, const RunChanges& changes) {
  if (changes.empty())
    return {};
  DSTACK_TRY(Transaction transaction, Transaction::begin(connection_->database));
  DSTACK_CHECK(apply_all(connection_->database, run, changes));
  return transaction.commit();
}

Result<void> Records::set_clock(RunId run, const job::RunClock& clock) {
  DSTACK_TRY(Transaction transaction, Transaction::begin(connection_->database));
  {
    DSTACK_TRY(
        Query query,
        connection_->database.query("update run set boot = ?2, clock_zero = ?3 where id = ?1"));
    DSTACK_CHECK(query.bind(run).bind(clock.boot).bind(clock.zero.count()).run());
  }
  return transaction.commit();
}

}  // namespace dstack::store
