// Which runs there are, and what a listing of them shows.
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/records/connection.hpp"
#include "dstack/sweep/address.hpp"

#include <unordered_map>

namespace dstack::store {

namespace {

/// The runs found, by their row: what workflows and tags are put into, with one question each
/// however many there are.
class RunsById {
 public:
  explicit RunsById(std::vector<RunRecord>& runs) {
    for (RunRecord& run : runs) {
      by_id_.emplace(run.id, &run);
      list_ += (list_.empty() ? "[" : ",") + std::to_string(run.id);
    }
    list_ += list_.empty() ? "[]" : "]";
  }

  RunRecord* find(RunId id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }

  const std::string& list() const { return list_; }

 private:
  std::unordered_map<RunId, RunRecord*> by_id_;
  std::string list_;
};

Result<void> add_workflows(Database& database, const RunsById& runs) {
  DSTACK_TRY(Query query,
             database.query(fmt::format(
                 "{} where run in (select value from json_each(?)) order by run, number",
                 workflow_columns)));
  query.bind(runs.list());
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return {};
    DSTACK_TRY(WorkflowRecord workflow, workflow_from(query));
    if (RunRecord* run = runs.find(query.integer(0)))
      run->workflows.push_back(std::move(workflow));
  }
}

Result<void> add_tags_of_runs(Database& database, const RunsById& runs) {
  DSTACK_TRY(Query query,
             database.query("select run, workflow, tag, combination from tag "
                            "where run in (select value from json_each(?)) order by run, tag"));
  query.bind(runs.list());
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return {};
    RunRecord* run = runs.find(query.integer(0));
    if (run == nullptr)
      continue;
    const std::string owner = query.text(1);
    const std::string combination = query.text(3);
    for (WorkflowRecord& workflow : run->workflows)
      if (sweep::workflow_of(workflow.name) == owner &&
          (combination.empty() || sweep::combination_of(workflow.name) == combination))
        workflow.tags.push_back(query.text(2));
  }
}

std::string sql_of(const RunFilter& filter) {
  std::string sql(run_columns);
  const char* separator = " where ";
  const auto condition = [&](const char* text) {
    sql += separator;
    sql += text;
    separator = " and ";
  };
  // Few runs are unfinished and many may be of the project: the '+' keeps SQLite from going through
  // all of those.
  if (!filter.project.empty())
    condition(filter.unfinished ? "+run.project = (select id from project where path = ?)"
                                : "run.project = (select id from project where path = ?)");
  if (!filter.name.empty())
    condition("run.name = ?");
  if (!filter.workflow.empty())
    condition(
        "exists (select 1 from workflow where workflow.run = run.id and "
        "substr(workflow.name, 1, instr(workflow.name || '/', '/') - 1) = ?)");
  if (filter.before != 0)
    condition("run.id < ?");
  if (filter.unfinished)
    condition("run.finished_at is null");
  sql += " order by run.id desc";
  if (filter.most != 0)
    sql += " limit ?";
  return sql;
}

Result<std::vector<RunRecord>> select_runs(Database& database, const RunFilter& filter) {
  DSTACK_TRY(Query query, database.query(sql_of(filter)));
  if (!filter.project.empty())
    query.bind(filter.project);
  if (!filter.name.empty())
    query.bind(filter.name);
  if (!filter.workflow.empty())
    query.bind(filter.workflow);
  if (filter.before != 0)
    query.bind(filter.before);
  if (filter.most != 0)
    query.bind(static_cast<std::int64_t>(filter.most));
  std::vector<RunRecord> runs;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return runs;
    DSTACK_TRY(RunRecord run, run_from(query));
    runs.push_back(std::move(run));
  }
}

Result<std::optional<RunRecord>> only(Result<std::vector<RunRecord>> runs) {
  if (!runs)
    return Failure(std::move(runs).error());
  if (runs->empty())
    return std::optional<RunRecord>();
  return std::optional(std::move(runs->front()));
}

/// Of the one text that a query finds, in characters; 0 where there is none.
Result<std::size_t> length_from(Database& database, std::string_view sql) {
  DSTACK_TRY(Query query, database.query(sql));
  DSTACK_TRY(const bool row, query.step());
  return row ? static_cast<std::size_t>(query.integer(0)) : std::size_t{0};
}

}  // namespace

job::TreeReference tree_from(const Query& query, int column) {
  return {.tree = digest_from_stored(query.text(column)),
          .times = digest_from_stored(query.text(column + 1)),
          .files = static_cast<std::uint64_t>(query.integer(column + 2)),
          .bytes = static_cast<std::uint64_t>(query.integer(column + 3))};
}

Result<RunRecord> run_from(const Query& query) {
  RunRecord run;
  run.id = query.integer(0);
  run.name = query.text(1);
  run.project = query.text(2);
  run.target = query.text(3);
  DSTACK_TRY(run.status, status_from_stored(query.text(4)));
  run.machine = query.text(5);
  run.submitted_at = timestamp(query.integer(6));
  run.started_at = moment(query.optional_integer(7), query.optional_integer(22));
  run.finished_at = moment(query.optional_integer(8), query.optional_integer(23));
  run.first_failure = query.integer(9);
  run.stop = job::parse_stop_request(query.text(10)).value_or(job::StopRequest::none);
  run.code.snapshot = tree_from(query, 11);
  run.code.git.remote = query.text(15);
  run.code.git.branch = query.text(16);
  run.code.git.commit = query.text(17);
  run.code.git.root_commit = query.text(18);
  run.code.git.dirty = query.integer(19) != 0;
  run.clock = {query.text(20), std::chrono::milliseconds(query.integer(21))};
  return run;
}

Result<WorkflowRecord> workflow_from(const Query& query) {
  WorkflowRecord workflow;
  workflow.index = static_cast<std::size_t>(query.integer(1));
  workflow.name = query.text(2);
  workflow.provider = query.text(3);
  DSTACK_TRY(workflow.status, status_from_stored(query.text(4)));
  workflow.cause = cause_from_stored(query, 5);
  workflow.exit_code = small_integer(query.optional_integer(6));
  workflow.signal = small_integer(query.optional_integer(7));
  workflow.started_at = moment(query.optional_integer(8), query.optional_integer(11));
  workflow.finished_at = moment(query.optional_integer(9), query.optional_integer(12));
  workflow.jobs = static_cast<std::size_t>(query.integer(10));
  return workflow;
}

Result<std::vector<RunRecord>> Records::find_runs(const RunFilter& filter) {
  Database& database = connection_->database;
  // One state of the database for the three questions.
  DSTACK_CHECK(database.execute("begin deferred"));
  auto runs = select_runs(database, filter);
  Result<void> completed;
  if (runs && !runs->empty()) {
    const RunsById by_id(*runs);
    completed = add_workflows(database, by_id);
    if (completed)
      completed = add_tags_of_runs(database, by_id);
  }
  database.roll_back();
  DSTACK_CHECK(completed);
  return runs;
}

Result<ListingBounds> Records::listing_bounds() {
  Database& database = connection_->database;
  ListingBounds bounds;
  DSTACK_TRY(bounds.run_name, length_from(database, "select max(length(name)) from run"));
  DSTACK_TRY(bounds.workflow_name,
             length_from(database,
                         "select max(length(substr(name, 1, instr(name || '/', '/') - 1))) "
                         "from workflow"));
  // "1000 of 2000 done, 500 failed, 500 running"
  DSTACK_TRY(bounds.counts,
             length_from(database,
                         "select 34 + 3 * max(length(n)) from (select count(*) as n from workflow "
                         "where name like '%/%' group by run)"));
  DSTACK_TRY(bounds.project, length_from(database, "select max(length(path)) from project"));
  DSTACK_TRY(bounds.tags,
             length_from(database,
                         "select max(together) from (select sum(length(tag) + 2) - 2 as together "
                         "from tag group by run, workflow)"));
  DSTACK_TRY(bounds.reason,
             length_from(database,
                         "select max(length(job.reason)) from run join job on job.run = run.id "
                         "where run.finished_at is null and job.finished_at is null"));
  DSTACK_TRY(Query query,
             database.query("select distinct status, cause, exit_code, signal from workflow"));
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return bounds;
    WorkflowRecord& outcome = bounds.outcomes.emplace_back();
    DSTACK_TRY(outcome.status, status_from_stored(query.text(0)));
    outcome.cause = cause_from_stored(query, 1);
    outcome.exit_code = small_integer(query.optional_integer(2));
    outcome.signal = small_integer(query.optional_integer(3));
  }
}

Result<std::optional<RunRecord>> Records::find_run(std::string_view name) {
  if (name.empty())
    return std::optional<RunRecord>();
  RunFilter filter;
  filter.name = name;
  return only(find_runs(filter));
}

Result<std::optional<RunRecord>> Records::last_run(std::string_view project) {
  RunFilter filter;
  filter.project = project;
  filter.most = 1;
  return only(find_runs(filter));
}

}  // namespace dstack::store
