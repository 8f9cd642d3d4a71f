// Opening the database, and making it where there is none.
#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/store/records/connection.hpp"
#include "dstack/store/records/open_database.hpp"
#include "dstack/store/records/rebuild.hpp"
#include "dstack/store/records/run_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::int64_t application_id = 0x6473746b;  // as in schema.sql

Result<std::int64_t> read_number(Database& database, std::string_view pragma) {
  DSTACK_TRY(Query query, database.query(pragma));
  DSTACK_TRY(const bool row, query.step());
  return row ? query.integer(0) : 0;
}

Result<int> read_version(Database& database) {
  DSTACK_TRY(const std::int64_t version, read_number(database, "pragma user_version"));
  return static_cast<int>(version);
}

/// What turned each schema into the next one, beginning with that of version 1. The text of a
/// version that was released never changes; schema.sql is their result.
constexpr std::array upgrades = {
    R"sql(
      create table app (
        run integer not null references run on delete cascade,
        job integer not null,
        number integer not null,
        name text not null,
        url text not null,
        password text not null,
        state text not null,
        ready_at integer,
        primary key (run, job, number)
      ) without rowid;
      create table edits (
        run integer not null references run on delete cascade,
        job integer not null,
        tree text not null,
        times text not null,
        files integer not null,
        bytes integer not null,
        removed text not null,
        primary key (run, job)
      ) without rowid;
      pragma user_version = 2;
    )sql",
    R"sql(
      alter table job add column peak_memory integer;
      alter table job add column largest_process integer;
      alter table job add column cpu_time integer;
      alter table job add column bytes_read integer;
      alter table job add column bytes_written integer;
      pragma user_version = 3;
    )sql",
    R"sql(
      create table notification (
        run integer not null references run on delete cascade,
        number integer not null,
        id text not null,
        receiver text not null,
        status text not null default 'waiting',
        attempts integer not null default 0,
        reason text not null default '',
        tried_at integer,
        next_at integer,
        primary key (run, number)
      ) without rowid;
      create index notification_waiting on notification (run) where status = 'waiting';
      pragma user_version = 4;
    )sql",
    R"sql(
      alter table artifact add column exposure text not null default 'null';
      pragma user_version = 5;
    )sql",
    // Warnings were the end of the reason, behind a mark unless the job had succeeded.
    R"sql(
      alter table job add column warnings text not null default '[]';
      update job set warnings = json_array(reason), reason = ''
        where status = 'done' and reason <> '';
      update job set warnings = json_array(substr(reason, length('warning: ') + 1)), reason = ''
        where finished_at is not null and reason like 'warning: %';
      update job set
          warnings = json_array(substr(reason, instr(reason, '; warning: ') + length('; warning: '))),
          reason = substr(reason, 1, instr(reason, '; warning: ') - 1)
        where finished_at is not null and reason like '%; warning: %';
      pragma user_version = 6;
    )sql",
    R"sql(
      alter table edits add column exposure text not null default 'null';
      pragma user_version = 7;
    )sql",
    R"sql(
      alter table job add column workspace text not null default '';
      pragma user_version = 8;
    )sql",
    // Of the clock nothing is filled in: who reads takes the difference of the times where these
    // are missing, as they are also in what a supervisor of the older dstack goes on to record.
    // Which trees runs were given only the plans said until now.
    R"sql(
      alter table run add column boot text not null default '';
      alter table run add column clock_zero integer not null default 0;
      alter table run add column started_elapsed integer;
      alter table run add column finished_elapsed integer;
      alter table workflow add column started_elapsed integer;
      alter table workflow add column finished_elapsed integer;
      alter table job add column started_elapsed integer;
      alter table job add column finished_elapsed integer;
      alter table history add column elapsed integer;
      create table run_input (
        run integer not null references run on delete cascade,
        tree text not null,
        times text not null,
        primary key (run, tree, times)
      ) without rowid;
      create table removed_tree (
        id integer primary key autoincrement,
        tree text not null,
        times text not null
      );
      insert or ignore into run_input (run, tree, times)
        select plan.run, json_extract(file.value, '$.tree[0]'), json_extract(file.value, '$.tree[1]')
        from plan,
          json_each(iif(json_valid(plan.json), plan.json, '{}'), '$.plan.workflows') as workflow,
          json_each(workflow.value, '$.input_files') as file
        where json_extract(file.value, '$.tree[1]') is not null;
      insert or ignore into run_input (run, tree, times)
        select plan.run, json_extract(artifact.value, '$.tree'), json_extract(artifact.value, '$.times')
        from plan,
          json_each(iif(json_valid(plan.json), plan.json, '{}'), '$.plan.workflows') as workflow,
          json_each(workflow.value, '$.inputs') as input,
          json_each(input.value, '$.artifacts') as artifact
        where json_extract(artifact.value, '$.times') is not null;
      pragma user_version = 9;
    )sql",
    R"sql(
      alter table tag add column combination text not null default '';
      pragma user_version = 10;
    )sql",
};
static_assert(upgrades.size() == schema_version - 1);

/// Somebody else may do the same at the same time.
Result<void> upgrade(Database& database) {
  DSTACK_TRY(Transaction transaction, Transaction::begin(database));
  DSTACK_TRY(const int version, read_version(database));
  for (int from = std::max(version, 1); from < schema_version; ++from)
    DSTACK_CHECK(database.execute(upgrades[static_cast<std::size_t>(from - 1)]));
  return transaction.commit();
}

bool is_older(Database& database) {
  const auto version = read_version(database);
  return version && *version > 0 && *version < schema_version;
}

/// No version of dstack has ever had one as high.
constexpr int highest_version = 1000;

Result<void> check_version(Database& database, const Path& path) {
  DSTACK_TRY(const int version, read_version(database));
  DSTACK_TRY(const std::int64_t application, read_number(database, "pragma application_id"));
  if (version == schema_version && application == application_id)
    return {};
  if (application == application_id && version > schema_version && version < highest_version)
    return fail(ErrorCode::unavailable,
                "'{}' was made by a newer dstack (schema {}, this one supports {})",
                path.string(),
                version,
                schema_version)
        .with_hint("use the newer dstack, or another DSTACK_HOME");
  return fail(ErrorCode::damaged, "'{}' is not a dstack database", path.string())
      .with_hint("{}", how_to_repair);
}

/// What cannot be inspected is not empty.
Result<void> check_readable(const files::Home& home) {
  if (::access(home.database().c_str(), R_OK) == 0 || errno == ENOENT)
    return {};
  return fail(ErrorCode::unavailable,
              "cannot read dstack's home '{}': {}",
              home.root.string(),
              std::strerror(errno))
      .with_hint("run this as its owner, or set DSTACK_HOME to a folder of your own");
}

bool has_content(const Path& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && status.st_size > 0;
}

/// A home with runs has had a database.
Result<void> check_no_runs(const files::Home& home) {
  const auto runs = run_folders(home);
  if (runs.empty() || has_content(home.database()))  // made meanwhile, by who then made a run
    return {};
  return fail(ErrorCode::damaged,
              "the run database '{}' is {}, and there are {} in '{}'",
              home.database().string(),
              ::access(home.database().c_str(), F_OK) == 0 ? "empty" : "missing",
              plural(runs.size(), "run"),
              home.runs().string())
      .with_hint("{}", how_to_repair);
}

/// Published like everything else in the store: written under another name, synced, renamed. Nobody
/// ever sees a database without its tables.
Result<void> create_database(const files::Home& home) {
  DSTACK_CHECK(files::prepare_home(home));
  DSTACK_TRY(const Fd lock, lock_database(home));
  if (has_content(home.database()))
    return {};
  DSTACK_CHECK(check_no_runs(home));
  DSTACK_TRY(const files::StagingFolder staging, files::StagingFolder::make(home, "database"));
  const Path draft = staging.path() / "database.sqlite";
  DSTACK_CHECK(write_database(draft));
  return publish_database(draft, home);
}

Result<Database> open_empty() {
  DSTACK_TRY(Database database, Database::open({}, Database::Open::memory));
  DSTACK_CHECK(database.execute(schema_sql));
  return database;
}

/// A folder that cannot be written has no room for the files that readers of a log share.
Result<Database> open_read_only(const Path& path) {
  auto database = Database::open(path, Database::Open::read_only);
  if (database && read_version(*database))
    return database;
  const bool has_log = has_content(path.string() + "-wal");
  if (::access(path.parent_path().c_str(), W_OK) != 0 && !has_log)
    return Database::open(path, Database::Open::immutable);
  if (!database)
    return database;
  DSTACK_TRY(const int version, read_version(*database));
  (void)version;
  return database;
}

}  // namespace

Result<void> begin_log(Database& database) {
  return database.execute(fmt::format("pragma user_version = {}", schema_version).c_str());
}

/// Asked only where there is no log, or an empty one: before the first command that writes, or when
/// another program has opened the database. All files of runs are read, so not again by the next
/// command.
Result<void> check_log(Database& database, const files::Home& home) {
  if (has_content(home.database().string() + "-wal"))
    return {};
  std::size_t lost = 0;
  const auto runs = run_folders(home);
  for (const std::string& run : runs) {
    const auto file = read_run_file(home, run);
    if (!file)
      continue;
    DSTACK_TRY(const std::int64_t steps, steps_on_record(database, run));
    if (steps < file->steps)
      ++lost;
  }
  if (lost == 0) {
    if (!runs.empty())
      if (auto writer = Database::open(home.database(), Database::Open::read_write))
        (void)begin_log(*writer);
    return {};
  }
  return fail(ErrorCode::damaged,
              "the run database '{}' has lost its log '{}-wal', and what was recorded last of {}",
              home.database().string(),
              home.database().string(),
              plural(lost, "run"))
      .with_hint("{}", how_to_repair);
}

bool has_database(const files::Home& home) {
  return has_content(home.database());
}

Result<Fd> lock_database(const files::Home& home) {
  // A file, not the folder: a folder cannot be locked on NFS, where a lock needs the right to
  // write.
  DSTACK_TRY(Fd lock, open_file(home.database().string() + ".lock", O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_exclusive(lock.get(), Wait::yes));
  return lock;
}

Result<void> write_database(const Path& path, const std::function<Result<void>(Database&)>& fill) {
  DSTACK_TRY(Database database, Database::open(path, Database::Open::create));
  // It is synced as a whole before it is published.
  DSTACK_CHECK(database.execute("pragma synchronous = off"));
  // The mode is kept in the file, so no later command sets it. The log is emptied into the file
  // before it gets its name, because the log of the working name stays behind.
  DSTACK_CHECK(database.execute("pragma journal_mode = wal"));
  DSTACK_CHECK(database.execute("begin immediate"));
  DSTACK_CHECK(database.execute(schema_sql));
  DSTACK_CHECK(database.execute("commit"));
  if (fill)
    DSTACK_CHECK(fill(database));
  DSTACK_TRY(Query checkpoint, database.query("pragma wal_checkpoint(truncate)"));
  return checkpoint.run();
}

Result<void> publish_database(const Path& draft, const files::Home& home) {
  DSTACK_TRY(const Fd file, open_file(draft.string(), O_RDONLY));
  // Its log takes the same mode.
  if (::fchmod(file.get(), 0600) != 0 || ::fsync(file.get()) != 0)
    return fail_errno("cannot keep '{}'", draft.string());
  // A log that outlived its database would be taken for the new one's.
  ::unlink((home.database().string() + "-wal").c_str());
  ::unlink((home.database().string() + "-shm").c_str());
  if (::rename(draft.c_str(), home.database().c_str()) != 0)
    return fail_errno("cannot make '{}'", home.database().string());
  return sync_folder(home.root);
}

Result<Database> open_existing(const files::Home& home) {
  if (!has_content(home.database()))
    DSTACK_CHECK(check_no_runs(home));
  DSTACK_TRY(Database database, Database::open(home.database(), Database::Open::read_write));
  if (is_older(database))
    DSTACK_CHECK(upgrade(database));
  DSTACK_CHECK(check_version(database, home.database()));
  return database;
}

Result<Records> Records::open(const files::Home& home, Mode mode) {
  const Path path = home.database();
  if (!has_content(path)) {
    if (mode == Mode::read_only) {
      DSTACK_CHECK(check_readable(home));
      DSTACK_CHECK(check_no_runs(home));
      DSTACK_TRY(Database empty, open_empty());
      return Records(std::make_unique<Connection>(std::move(empty), home));
    }
    DSTACK_CHECK(create_database(home));
  }
  DSTACK_TRY(Database database,
             mode == Mode::read_only ? open_read_only(path)
                                     : Database::open(path, Database::Open::read_write));
  if (is_older(database)) {
    DSTACK_TRY(Database writer, Database::open(path, Database::Open::read_write));
    DSTACK_CHECK(upgrade(writer));
  }
  DSTACK_CHECK(check_version(database, path));
  DSTACK_CHECK(check_log(database, home));
  return Records(std::make_unique<Connection>(std::move(database), home));
}

Records::Records(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

Records::Records(Records&&) noexcept = default;
Records& Records::operator=(Records&&) noexcept = default;
Records::~Records() = default;

}  // namespace dstack::store
