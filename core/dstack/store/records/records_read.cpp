// Queries about one run and what belongs to it.
#include "dstack/base/json_fields.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/records/connection.hpp"

namespace dstack::store {

namespace {

/// As in run_columns.
constexpr std::string_view elapsed_columns =
    "coalesce(started_elapsed, max(0, started_at - "
    "(select submitted_at from run where run.id = job.run))), "
    "coalesce(finished_elapsed, max(0, finished_at - "
    "(select submitted_at from run where run.id = job.run)))";

Result<JobRecord> job_from(const Query& query) {
  JobRecord job;
  job.index = static_cast<std::size_t>(query.integer(0));
  job.workflow = static_cast<std::size_t>(query.integer(1));
  job.id = query.text(2);
  DSTACK_TRY(job.status, status_from_stored(query.text(3)));
  job.reason = query.text(4);
  job.cause = cause_from_stored(query, 5);
  job.exit_code = small_integer(query.optional_integer(6));
  job.signal = small_integer(query.optional_integer(7));
  job.started_at = moment(query.optional_integer(8), query.optional_integer(18));
  job.finished_at = moment(query.optional_integer(9), query.optional_integer(19));
  job.has_partial_artifacts = query.integer(10) != 0;
  job.usage = {.peak_memory = query.optional_integer(11),
               .largest_process = query.optional_integer(12),
               .cpu_time = query.optional_integer(13),
               .bytes_read = query.optional_integer(14),
               .bytes_written = query.optional_integer(15)};
  if (const std::string warnings = query.text(16); warnings != "[]") {
    DSTACK_TRY(const Json list, parse_json(warnings, "the warnings of a job"));
    DSTACK_TRY(job.warnings,
               from_json_value<std::vector<std::string>>(list, "the warnings of a job"));
  }
  job.workspace = query.text(17);
  return job;
}

Failure no_such_run(RunId run) {
  return fail(ErrorCode::not_found, "there is no run {}", run);
}

Result<void> refresh_run(Database& database, RunRecord& run) {
  static const std::string sql = fmt::format("{} where run.id = ?", run_columns);
  DSTACK_TRY(Query query, database.query(sql));
  DSTACK_TRY(const bool row, query.bind(run.id).step());
  if (!row)
    return no_such_run(run.id);
  DSTACK_TRY(RunRecord fresh, run_from(query));
  fresh.workflows = std::move(run.workflows);
  run = std::move(fresh);
  return {};
}

Result<void> refresh_workflow(Database& database, RunId run, WorkflowRecord& workflow) {
  DSTACK_TRY(Query query,
             database.query(fmt::format("{} where run = ? and number = ?", workflow_columns)));
  query.bind(run).bind(static_cast<std::int64_t>(workflow.index));
  DSTACK_TRY(const bool row, query.step());
  if (!row)
    return no_such_run(run);
  DSTACK_TRY(WorkflowRecord fresh, workflow_from(query));
  fresh.tags = std::move(workflow.tags);
  workflow = std::move(fresh);
  return {};
}

job::Application app_from(const Query& query) {
  job::Application app;
  app.job = static_cast<std::size_t>(query.integer(0));
  app.index = static_cast<std::size_t>(query.integer(1));
  app.name = query.text(2);
  app.url = query.text(3);
  app.password = query.text(4);
  app.state = job::parse_application_state(query.text(5)).value_or(job::ApplicationState::starting);
  app.ready_at = timestamp(query.optional_integer(6));
  return app;
}

/// `jobs` are those of a run, by their index.
Result<void> add_apps(Database& database, RunId run, std::vector<JobRecord>& jobs) {
  DSTACK_TRY(Query query,
             database.query("select job, number, name, url, password, state, ready_at from app "
                            "where run = ? order by job, number"));
  query.bind(run);
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return {};
    job::Application app = app_from(query);
    if (app.job < jobs.size())
      jobs[app.job].apps.push_back(std::move(app));
  }
}

Result<void> add_apps(Database& database, RunId run, JobRecord& job) {
  DSTACK_TRY(Query query,
             database.query("select job, number, name, url, password, state, ready_at from app "
                            "where run = ? and job = ? order by number"));
  query.bind(run).bind(static_cast<std::int64_t>(job.index));
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return {};
    job.apps.push_back(app_from(query));
  }
}

Result<void> refresh_job(Database& database, RunState& state, std::size_t index) {
  JobRecord& job = state.jobs[index];
  {
    static const std::string sql = fmt::format(
        "select number, workflow, id, status, reason, cause, exit_code, signal, "
        "started_at, finished_at, exists (select 1 from workflow join artifact "
        "on artifact.run = workflow.run and artifact.workflow = workflow.name "
        "where workflow.run = job.run and workflow.number = job.workflow and partial), "
        "peak_memory, largest_process, cpu_time, bytes_read, bytes_written, warnings, "
        "workspace, {} from job where run = ? and number = ?",
        elapsed_columns);
    DSTACK_TRY(Query query, database.query(sql));
    query.bind(state.run.id).bind(static_cast<std::int64_t>(index));
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return no_such_run(state.run.id);
    DSTACK_TRY(job, job_from(query));
  }
  DSTACK_CHECK(add_apps(database, state.run.id, job));
  if (job.workflow >= state.run.workflows.size())
    return {};
  return refresh_workflow(database, state.run.id, state.run.workflows[job.workflow]);
}

/// The single text that a query about a run returns.
Result<std::string> text_of_run(Database& database, std::string_view sql, RunId run) {
  DSTACK_TRY(Query query, database.query(sql));
  DSTACK_TRY(const bool row, query.bind(run).step());
  if (!row)
    return no_such_run(run);
  return query.text(0);
}

}  // namespace

Result<std::vector<JobRecord>> Records::jobs(RunId run) {
  static const std::string sql = fmt::format(
      "with partial as (select distinct workflow.number from artifact join workflow "
      "on workflow.run = artifact.run and workflow.name = artifact.workflow "
      "where artifact.run = ?1 and artifact.partial) "
      "select number, workflow, id, status, reason, cause, exit_code, signal, "
      "started_at, finished_at, "
      "workflow in partial, "
      "peak_memory, largest_process, cpu_time, bytes_read, bytes_written, warnings, "
      "workspace, {} from job where run = ?1 order by number",
      elapsed_columns);
  DSTACK_TRY(Query query, connection_->database.query(sql));
  query.bind(run);
  std::vector<JobRecord> jobs;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      break;
    DSTACK_TRY(JobRecord job, job_from(query));
    jobs.push_back(std::move(job));
  }
  DSTACK_CHECK(add_apps(connection_->database, run, jobs));
  return jobs;
}

Result<void> Records::refresh(RunState& state, const std::vector<std::size_t>& jobs) {
  Database& database = connection_->database;
  DSTACK_CHECK(database.execute("begin deferred"));
  auto refreshed = refresh_run(database, state.run);
  for (std::size_t i = 0; refreshed && i < jobs.size(); ++i)
    if (jobs[i] < state.jobs.size())
      refreshed = refresh_job(database, state, jobs[i]);
  database.roll_back();
  return refreshed;
}

Result<std::vector<HistoryEntry>> Records::history(RunId run, std::size_t job) {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 "select 'submitted', run.submitted_at, null, '', 0 as step, 0 "
                 "from run join job on job.run = run.id where run.id = ?1 and job.number = ?2 "
                 "union all select status, at, cause, reason, step, coalesce(elapsed, "
                 "max(0, at - (select submitted_at from run where run.id = ?1))) "
                 "from history where run = ?1 and job = ?2 order by step"));
  query.bind(run).bind(static_cast<std::int64_t>(job));
  std::vector<HistoryEntry> history;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return history;
    HistoryEntry entry;
    DSTACK_TRY(entry.status, status_from_stored(query.text(0)));
    entry.at = {timestamp(query.integer(1)), std::chrono::milliseconds(query.integer(5))};
    entry.cause = cause_from_stored(query, 2);
    entry.reason = query.text(3);
    history.push_back(std::move(entry));
  }
}

Result<std::string> Records::plan(RunId run) {
  return text_of_run(connection_->database, "select json from plan where run = ?", run);
}

Result<std::string> Records::tag_on_success(RunId run) {
  return text_of_run(connection_->database, "select tag_on_success from run where id = ?", run);
}

Result<std::vector<job::Artifact>> Records::artifacts(RunId run) {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 "select artifact.workflow, path, tree, times, files, bytes, partial, exposure "
                 "from artifact left join workflow on workflow.run = artifact.run "
                 "and workflow.name = artifact.workflow where artifact.run = ? "
                 "order by workflow.number, path"));
  query.bind(run);
  std::vector<job::Artifact> artifacts;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return artifacts;
    DSTACK_TRY(const Json json, parse_json(query.text(7), "a record of an artifact"));
    DSTACK_TRY(auto exposure,
               from_json_value<job::SecretFindings>(json, "a record of an artifact"));
    artifacts.push_back({.workflow = query.text(0),
                         .path = query.text(1),
                         .tree = tree_from(query, 2),
                         .partial = query.integer(6) != 0,
                         .exposure = std::move(exposure)});
  }
}

Result<std::optional<ArtifactOwner>> Records::artifact_with(const job::TreeReference& tree) {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 "select run.name, artifact.workflow, artifact.path from artifact "
                 "join run on run.id = artifact.run where artifact.tree = ? and artifact.times = ? "
                 "order by run.id desc limit 1"));
  query.bind(stored_digest(tree.tree)).bind(stored_digest(tree.times));
  DSTACK_TRY(const bool row, query.step());
  return row ? std::optional(ArtifactOwner{query.text(0), query.text(1), query.text(2)})
             : std::nullopt;
}

Result<std::vector<job::Edits>> Records::edits(RunId run) {
  DSTACK_TRY(Query query,
             connection_->database.query("select job, tree, times, files, bytes, removed, "
                                         "exposure from edits where run = ? order by job"));
  query.bind(run);
  std::vector<job::Edits> all;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return all;
    DSTACK_TRY(const Json removed, parse_json(query.text(5), "a record of edits"));
    job::Edits edits{static_cast<std::size_t>(query.integer(0)), tree_from(query, 1), {}};
    for (const Json& path : removed)
      if (path.is_string())
        edits.removed.push_back(path.get<std::string>());
    DSTACK_TRY(const Json exposure, parse_json(query.text(6), "a record of edits"));
    DSTACK_TRY(edits.exposure, from_json_value<job::SecretFindings>(exposure, "a record of edits"));
    all.push_back(std::move(edits));
  }
}

Result<std::vector<std::string>> Records::run_names(std::size_t most) {
  DSTACK_TRY(Query query,
             connection_->database.query("select name from run order by id desc limit ?"));
  query.bind(most == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(most));
  std::vector<std::string> names;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return names;
    names.push_back(query.text(0));
  }
}

}  // namespace dstack::store
