// The database as a file: made, opened, refused, shared.
#include "dstack/store/records/records.hpp"

#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/records/database.hpp"
#include "support/earlier_schema.hpp"
#include "unit/store/fixture.hpp"

#include <map>
#include <set>

#include <sys/stat.h>
#include <sys/wait.h>

using namespace dstack;
using namespace dstack::store;

TEST_CASE("every status and cause is read back from its word") {
  for (int i = 0; i <= static_cast<int>(job::Status::skipped); ++i) {
    const auto status = static_cast<job::Status>(i);
    CHECK(job::parse_status(render(status)) == status);
  }
  for (int i = 0; i <= static_cast<int>(job::Cause::artifact); ++i) {
    const auto cause = static_cast<job::Cause>(i);
    CHECK(job::parse_cause(render(cause)) == cause);
  }
  CHECK_FALSE(job::parse_status("unknown"));
  CHECK_FALSE(job::parse_cause(""));
}

TEST_CASE("a database is made where there is none and found again") {
  const TestHome test;
  {
    Records records = test.open();
    CHECK(value_of(records.create_run(new_run("quiet-otter-1"))) == 1);
  }

  Records records = test.open();

  CHECK(value_of(records.find_run("quiet-otter-1")));
  CHECK(fs::is_empty(test.home().temporary()));
}

TEST_CASE("reading a home without a database gives an empty one and writes nothing") {
  const TestHome test;

  Records records = value_of(Records::open(test.home(), Records::Mode::read_only));

  CHECK(value_of(records.find_runs({})).empty());
  CHECK_FALSE(fs::exists(test.home().root));
}

TEST_CASE("a reader sees what writers have committed") {
  const TestHome test;
  Records writer = test.open();
  Records reader = value_of(Records::open(test.home(), Records::Mode::read_only));
  CHECK(value_of(reader.find_runs({})).empty());

  value_of(writer.create_run(new_run("quiet-otter-1")));

  CHECK(value_of(reader.find_runs({})).size() == 1);
  const Error refused = failure_of(reader.create_run(new_run("quiet-otter-2")));
  CHECK(refused.code == ErrorCode::unavailable);
  CHECK_THAT(refused.message, Catch::Contains("readonly"));
}

TEST_CASE("a database is readable in a home that cannot be written") {
  if (::geteuid() == 0)
    SKIP("the superuser may write everywhere");
  const TestHome test;
  {
    Records records = test.open();
    value_of(records.create_run(new_run("quiet-otter-1")));
  }
  ::chmod(test.home().root.c_str(), 0500);

  auto records = Records::open(test.home(), Records::Mode::read_only);

  REQUIRE(records);
  CHECK(value_of(records->find_runs({})).size() == 1);
  ::chmod(test.home().root.c_str(), 0700);
}

TEST_CASE("a database of a newer dstack is refused") {
  const TestHome test;
  test.open();
  {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    require_ok(database.execute("pragma user_version = 99"));
  }

  const auto records = Records::open(test.home());

  REQUIRE_FALSE(records);
  CHECK(records.error().code == ErrorCode::unavailable);
  CHECK_THAT(records.error().message,
             Catch::Contains("newer dstack (schema 99, this one supports " +
                             std::to_string(schema_version) + ")"));
}

namespace {

/// The tables of a database and what they hold of columns, however the statements are laid out.
std::set<std::string> columns_of(const files::Home& home) {
  Database database = value_of(Database::open(home.database(), Database::Open::read_only));
  Query query = value_of(database.query(
      "select t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || c.pk "
      "from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table'"));
  std::set<std::string> columns;
  while (value_of(query.step()))
    columns.insert(query.text(0));
  return columns;
}

}  // namespace

TEST_CASE("a database of the first schema becomes what a new one is, with its runs") {
  const TestHome test;
  value_of(test.open().create_run(new_run("quiet-otter-1")));
  const auto columns = columns_of(test.home());
  {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    dstack::test::make_schema_8(database);
    require_ok(
        database.execute("drop table app; drop table edits; drop table notification; "
                         "alter table artifact drop column exposure; pragma user_version = 1"));
    for (const char* column : {"peak_memory",
                               "largest_process",
                               "cpu_time",
                               "bytes_read",
                               "bytes_written",
                               "warnings",
                               "workspace"})
      require_ok(database.execute(("alter table job drop column " + std::string(column)).c_str()));
  }
  const auto mode = GENERATE(Records::Mode::read_write, Records::Mode::read_only);

  Records records = value_of(Records::open(test.home(), mode));

  const auto run = value_of(records.find_run("quiet-otter-1"));
  REQUIRE(run);
  CHECK(value_of(records.jobs(run->id)).size() == 3);
  CHECK(columns_of(test.home()) == columns);
}

TEST_CASE("what the runs of an earlier version need is taken from their plans") {
  const TestHome test;
  const auto hex = [](const char* text) { return sha256(text).render(); };
  NewRun run = new_run("quiet-otter-1");
  const Json input_file{{"tree", {hex("input"), hex("its times"), 1, 2}}};
  const Json artifact{{"tree", hex("artifact")}, {"times", hex("other times")}};
  const Json input{{"artifacts", {artifact}}};
  const Json workflow{{"input_files", {input_file}}, {"inputs", {input}}};
  run.plan = render_json(Json{{"plan", {{"workflows", {workflow, workflow}}}}});
  const RunId id = value_of(test.open().create_run(run));
  {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    dstack::test::make_schema_8(database);
  }

  std::map<Digest, Digest> needed;
  for (const NeededTree& tree : value_of(test.open().needed_trees(id)))
    if (tree.role == NeededTree::Role::input)
      needed[tree.tree] = tree.times;
  CHECK(needed == std::map<Digest, Digest>{{sha256("input"), sha256("its times")},
                                           {sha256("artifact"), sha256("other times")}});
}

TEST_CASE("what an earlier version recorded lasted as long as the wall clock said") {
  const TestHome test;
  const RunId run = value_of(test.open().create_run(new_run("quiet-otter-1")));
  {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    dstack::test::make_schema_8(database);
    require_ok(database.execute(
        "update run set submitted_at = 10000, started_at = 12000;"
        "update workflow set started_at = 13000, finished_at = 17000, status = 'done' "
        "where number = 0;"
        "update job set started_at = 3000 where number = 0;"  // the clock was set back
        "insert into history (run, job, step, status, at, reason) "
        "values (1, 0, 1, 'running', 14000, '')"));
  }

  Records records = test.open();

  const RunRecord record = *value_of(records.find_run("quiet-otter-1"));
  CHECK(record.clock == job::RunClock{});
  CHECK(record.started_at->elapsed == std::chrono::seconds(2));
  CHECK_FALSE(record.finished_at);
  CHECK(record.workflows[0].started_at->elapsed == std::chrono::seconds(3));
  CHECK(record.workflows[0].finished_at->elapsed == std::chrono::seconds(7));
  CHECK_FALSE(record.workflows[1].started_at);
  CHECK(value_of(records.jobs(run))[0].started_at->elapsed == std::chrono::seconds(0));
  CHECK(value_of(records.history(run, 0))[1].at.elapsed == std::chrono::seconds(4));

  SECTION("and so does what a supervisor of that version goes on to record") {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    require_ok(
        database.execute("update job set finished_at = 15000, status = 'done' "
                         "where number = 0"));
    RunState state{record, value_of(records.jobs(run))};
    require_ok(records.refresh(state, {0}));
    CHECK(state.jobs[0].finished_at->elapsed == std::chrono::seconds(5));
  }
}

TEST_CASE("warnings in the reasons of an earlier database become lists") {
  const TestHome test;
  value_of(test.open().create_run(new_run("quiet-otter-1")));
  {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    dstack::test::make_schema_8(database);
    require_ok(database.execute(
        "alter table job drop column warnings; alter table job drop column workspace; alter table "
        "edits drop column exposure;"
        "update job set finished_at = 1, status = 'done', reason = 'a; b' where number = 0;"
        "update job set finished_at = 1, status = 'failed', reason = 'warning: c' where number = 1;"
        "update job set finished_at = 1, status = 'failed', reason = 'disk full; warning: d; e' "
        "where number = 2;"
        "pragma user_version = 5"));
  }

  Records records = test.open();

  const auto jobs = value_of(records.jobs(value_of(records.find_run("quiet-otter-1"))->id));
  const auto says = [&](std::size_t job, const std::string& reason, const std::string& warning) {
    CHECK(jobs.at(job).reason == reason);
    CHECK(jobs.at(job).warnings == std::vector<std::string>{warning});
  };
  says(0, "", "a; b");
  says(1, "", "c");
  says(2, "disk full", "d; e");
}

TEST_CASE("a file that is not a database is refused and left as it is") {
  const TestHome test;
  write_file(test.home().database(), std::string(5000, 'x'));

  const auto records = Records::open(test.home());

  REQUIRE_FALSE(records);
  CHECK_THAT(records.error().message, Catch::Contains("not a database"));
  CHECK(fs::file_size(test.home().database()) == 5000);
}

TEST_CASE("an empty file in the place of the database is replaced, with what its log held") {
  const TestHome test;
  write_file(test.home().database(), "");
  write_file(test.home().database().string() + "-wal", "left over");

  Records records = test.open();

  CHECK(value_of(records.create_run(new_run("quiet-otter-1"))) == 1);
}

TEST_CASE("the log of a database stays behind when the last connection closes") {
  const TestHome test;
  {
    Records records = test.open();
    value_of(records.create_run(new_run("quiet-otter-1")));
  }

  CHECK(fs::file_size(test.home().database().string() + "-wal") > 0);
}

TEST_CASE("a full disk is reported as such and leaves the database whole") {
  const TestHome test;
  Records records = test.open();
  value_of(records.create_run(new_run("quiet-otter-1")));
  Database limited = value_of(Database::open(test.home().database(), Database::Open::read_write));
  require_ok(limited.execute("pragma max_page_count = 1"));

  const auto written =
      limited.execute("insert or replace into plan (run, json) values (1, hex(zeroblob(1000000)))");

  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::unavailable);
  CHECK_THAT(written.error().message, Catch::Contains("No space left on device"));
  CHECK(value_of(records.find_runs({})).size() == 1);
}

TEST_CASE("processes that make the database and write to it at once lose nothing") {
  const TestHome test;
  constexpr int processes = 4;
  constexpr int runs = 10;
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto records = Records::open(test.home());
      bool ok = records.has_value();
      for (int k = 0; ok && k < runs; ++k)
        ok = records->create_run(new_run("run-" + std::to_string(i) + "-" + std::to_string(k)))
                 .has_value();
      ::_exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }

  CHECK(value_of(test.open().find_runs({})).size() == processes * runs);
}

TEST_CASE("a home that cannot be read is not taken for an empty one") {
  const TemporaryFolder folder = make_test_folder();
  const files::Home home{folder.path() / "home"};
  const auto refusal = [&] {
    const auto records = Records::open(home, Records::Mode::read_only);
    return records ? "opened" : records.error().message + "; " + records.error().hint;
  };
  CHECK(refusal() == "opened");
  write_file(home.root, "");
  CHECK_THAT(refusal(), Catch::Contains("Not a directory") && Catch::Contains("DSTACK_HOME"));
  if (::geteuid() == 0)
    return;  // may read everything
  fs::remove(home.root);
  require_ok(files::prepare_home(home));
  ::chmod(home.root.c_str(), 0);
  CHECK_THAT(refusal(), Catch::Contains("Permission denied") && Catch::Contains("DSTACK_HOME"));
  ::chmod(home.root.c_str(), 0700);
}

TEST_CASE("the log of the database is there, with its mode, before anything is written to it") {
  const TestHome test;
  const Path log = test.home().database().string() + "-wal";
  {
    Records records = test.open();
    struct stat status;
    REQUIRE(::stat(log.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    value_of(records.create_run(new_run("quiet-otter-1")));
  }
  CHECK(fs::file_size(log) > 0);
  // Another program may have emptied it into the database, and removed it.
  fs::remove(log);
  fs::remove(test.home().database().string() + "-shm");
  Records records = test.open();
  CHECK(fs::exists(log));
  value_of(records.create_run(new_run("quiet-otter-2")));
  CHECK(value_of(test.open().find_run("quiet-otter-2")).has_value());
}
