// A database that is damaged or lost: said, and made anew from the files of the runs.
#include "dstack/store/records/rebuild.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/store/records/database.hpp"
#include "dstack/store/records/run_file.hpp"
#include "unit/store/fixture.hpp"

#include <fstream>

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

/// A home with three runs: done and tagged, failed, and one that lives.
class Example {
 public:
  Example() {
    Records records = test.open();
    for (const char* name : {"quiet-otter-1", "quiet-otter-2", "calm-fox-7"}) {
      require_ok(make_folders(test.home().run(name)));
      const RunId run = value_of(records.create_run(new_run(name)));
      records.keep(run);
      end(records, run, std::string_view(name));
    }
  }

  /// All rows of all runs.
  std::string everything() const {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    Json all = Json::array();
    std::vector<RunId> runs;
    {
      Query query = value_of(database.query("select id from run order by id"));
      while (value_of(query.step()))
        runs.push_back(query.integer(0));
    }
    for (const RunId run : runs)
      all.push_back(value_of(collect(database, run)).tables);
    {
      Query query = value_of(database.query("select pair, last from run_name order by pair"));
      while (value_of(query.step()))
        all.push_back(query.text(0) + std::to_string(query.integer(1)));
    }
    return render_json_pretty(all);
  }

  Path file(const std::string& suffix = "") const {
    return test.home().database().string() + suffix;
  }

  TestHome test;

 private:
  static void end(Records& records, RunId run, std::string_view name) {
    RunChanges changes = job_change(0, job::Status::running, 1'000);
    changes.status = job::Status::running;
    require_ok(records.apply(run, changes));
    if (name == "calm-fox-7") {
      records.keep(run);
      return;
    }
    const bool is_done = name == "quiet-otter-1";
    changes = run_change(is_done ? job::Status::done : job::Status::failed, 2'000);
    for (std::size_t job = 0; job < 3; ++job)
      changes.jobs.push_back({.job = job,
                              .status = job::Status::done,
                              .at = at(2'000),
                              .reason = "ein Grund: \xff\xfe",
                              .warnings = {"a warning"},
                              .exit_code = 0,
                              .usage = {.peak_memory = 5}});
    for (std::size_t workflow = 0; workflow < 2; ++workflow)
      changes.workflows.push_back(
          {.workflow = workflow, .status = job::Status::done, .at = at(2'000)});
    changes.artifacts.push_back(
        {"train", "model", {sha256("tree"), sha256("times"), 3, 400}, false, {}});
    changes.edits.push_back({1, {sha256("edits"), sha256("t"), 1, 2}, {"gone.txt"}, {}});
    changes.apps.push_back(
        {.job = 1, .index = 0, .name = "board", .url = "http://localhost:1", .password = "p"});
    changes.notifications.push_back({0, "id-0", "ntfy"});
    require_ok(records.apply(run, changes));
    records.keep(run);
    if (is_done)
      require_ok(
          records.add_tags("/project", "best", {"train", "download"}, run, Records::Force::no));
  }
};

void scribble(const Path& file, std::size_t at, std::size_t size) {
  std::fstream open(file.string(), std::ios::in | std::ios::out | std::ios::binary);
  open.seekp(static_cast<std::streamoff>(at));
  open << std::string(size, '\x5a');
}

}  // namespace

TEST_CASE("a database that is lost is not begun anew where runs are, and made from their files") {
  const Example e;
  const std::string before = e.everything();
  const std::string how = GENERATE("removed", "emptied", "no database", "cut");
  CAPTURE(how);
  if (how == "removed")
    fs::remove(e.file());
  else if (how == "emptied")
    fs::resize_file(e.file(), 0);
  else if (how == "no database")
    write_file(e.file(), std::string(20'000, 'n'));
  else
    fs::resize_file(e.file(), 4096);
  if (how != "cut")
    fs::remove(e.file("-wal"));
  else
    fs::resize_file(e.file("-wal"), 0);

  for (const auto mode : {Records::Mode::read_only, Records::Mode::read_write}) {
    const auto opened = Records::open(e.test.home(), mode);
    const auto runs = opened ? Records(value_of(Records::open(e.test.home(), mode))).find_runs({})
                             : Result<std::vector<RunRecord>>(Failure(opened.error()));
    const Error error = failure_of(runs);
    CHECK(error.code == ErrorCode::damaged);
    CHECK_THAT(error.message, Catch::Contains(e.file().string()));
    CHECK_THAT(error.hint, Catch::Contains("dstack doctor --repair"));
  }
  CHECK_FALSE(find_database_damage(e.test.home()).empty());

  const Rebuilt rebuilt = value_of(rebuild_database(e.test.home()));
  CHECK(rebuilt.runs == 3);
  CHECK(rebuilt.others.empty());
  CHECK_FALSE(rebuilt.damage.empty());
  if (how == "removed")
    CHECK(rebuilt.kept.empty());
  else
    CHECK(fs::exists(rebuilt.kept));
  CHECK(e.everything() == before);
  CHECK(find_database_damage(e.test.home()).empty());
  // Numbers go on, and new runs take new ids.
  Records records = e.test.open();
  CHECK(value_of(records.create_run(new_run("quiet-otter-3"))) == 4);
}

TEST_CASE("a log that is lost is noticed where runs have more on record, and made good") {
  const Example e;
  const std::string before = e.everything();
  const std::string how = GENERATE("removed", "emptied", "scribbled");
  CAPTURE(how);
  if (how == "removed")
    fs::remove(e.file("-wal"));
  else if (how == "emptied")
    fs::resize_file(e.file("-wal"), 0);
  else
    scribble(e.file("-wal"), 0, 4096);
  fs::remove(e.file("-shm"));
  if (how != "scribbled") {
    CHECK(failure_of(Records::open(e.test.home())).code == ErrorCode::damaged);
    CHECK_FALSE(find_database_damage(e.test.home()).empty());
  }

  const Rebuilt rebuilt = value_of(rebuild_database(e.test.home()));
  CHECK(rebuilt.runs == 3);
  CHECK(e.everything() == before);
  CHECK(find_database_damage(e.test.home()).empty());
}

TEST_CASE(
    "wherever the files of the database are changed it is whole, said to be damaged, and "
    "made good") {
  const std::string suffix = GENERATE("", "-wal", "-shm");
  const int part = GENERATE(range(0, 12));
  const bool is_cut = GENERATE(false, true);
  Example e;
  const std::string before = e.everything();
  if (suffix.empty()) {  // with all in it
    Database database = value_of(Database::open(e.file(), Database::Open::read_write));
    require_ok(database.execute("pragma wal_checkpoint(truncate)"));
  }
  const auto size = fs::exists(e.file(suffix)) ? fs::file_size(e.file(suffix)) : 0;
  const auto at = static_cast<std::size_t>(size) * static_cast<std::size_t>(part) / 12;
  CAPTURE(suffix, part, is_cut, size);
  if (size == 0)
    return;
  if (is_cut)
    fs::resize_file(e.file(suffix), at);
  else
    scribble(e.file(suffix), at, std::min<std::size_t>(200, static_cast<std::size_t>(size) - at));

  if (auto records = Records::open(e.test.home())) {
    if (const auto runs = records->find_runs({}); !runs)
      CHECK_THAT(render(runs.error()), Catch::Contains("database"));
  } else {
    CHECK_THAT(records.error().message, Catch::Contains("database"));
  }
  value_of(rebuild_database(e.test.home()));
  CHECK(find_database_damage(e.test.home()).empty());
  CHECK(e.everything() == before);
}

TEST_CASE("files of runs are compared with their rows once, not by each command") {
  const Example e;
  {
    Database database = value_of(Database::open(e.file(), Database::Open::read_write));
    require_ok(database.execute("pragma wal_checkpoint(truncate)"));
  }
  REQUIRE(fs::file_size(e.file("-wal")) == 0);
  value_of(Records::open(e.test.home(), Records::Mode::read_only));
  CHECK(fs::file_size(e.file("-wal")) > 0);
}

TEST_CASE("the file of a run has the rows of all tables that have rows of runs") {
  const Example e;
  Database database = value_of(Database::open(e.file(), Database::Open::read_only));
  Query query =
      value_of(database.query("select m.name from sqlite_master m, pragma_table_info(m.name) c "
                              "where m.type = 'table' and c.name = 'run' order by m.name"));
  std::vector<std::string> tables;
  while (value_of(query.step()))
    tables.push_back(query.text(0));
  CHECK(tables == std::vector<std::string>(tables_of_runs.begin(), tables_of_runs.end()));
}

TEST_CASE("a file of a run that is damaged is not believed") {
  const Example e;
  const Path file = e.test.home().run("quiet-otter-2") / "record.json";
  scribble(file, 300, 1);
  CHECK(failure_of(read_run_file(e.test.home(), "quiet-otter-2")).code == ErrorCode::damaged);
  fs::remove(e.file());
  const Rebuilt rebuilt = value_of(rebuild_database(e.test.home()));
  CHECK(rebuilt.runs == 2);
  CHECK(rebuilt.others == std::vector<std::string>{"quiet-otter-2"});
}

TEST_CASE("runs without a file are read from what is left of a damaged database") {
  const Example e;
  const std::string before = e.everything();
  for (const std::string& run : run_folders(e.test.home()))
    require_ok(remove_run_file(e.test.home(), run));
  {
    Database database = value_of(Database::open(e.file(), Database::Open::read_write));
    require_ok(
        database.execute("pragma foreign_keys = off; delete from project where id = 99; "
                         "insert into tag values (99, 'w', 't', 99, 0, '')"));
  }
  const Rebuilt rebuilt = value_of(rebuild_database(e.test.home()));
  CHECK_FALSE(rebuilt.damage.empty());
  CHECK(rebuilt.runs == 3);
  CHECK(e.everything() == before);
}

TEST_CASE("tags are kept with their runs, and go with them") {
  const Example e;
  {
    Records records = e.test.open();
    const auto run = value_of(records.find_run("quiet-otter-2"));
    require_ok(records.add_tags("/project", "best", {"train"}, run->id, Records::Force::yes));
    require_ok(records.delete_tag("/project", "download", "best"));
  }
  const std::string before = e.everything();
  fs::remove(e.file());
  value_of(rebuild_database(e.test.home()));
  CHECK(e.everything() == before);
  Records records = e.test.open();
  CHECK(value_of(records.tags("/project")).size() == 1);
  CHECK(value_of(records.find_tag("/project", "train", "best"))->run == "quiet-otter-2");
}

TEST_CASE("a run that was removed does not come back") {
  const Example e;
  {
    Records records = e.test.open();
    require_ok(records.remove_run(value_of(records.find_run("quiet-otter-2"))->id));
  }
  CHECK_FALSE(has_run_file(e.test.home(), "quiet-otter-2"));
}

TEST_CASE("whoever has a database open that was replaced is told so") {
  const Example e;
  Records records = e.test.open();
  require_ok(records.check_current());
  fs::rename(e.file(), e.file("-away"));
  CHECK(failure_of(records.check_current()).code == ErrorCode::damaged);
  value_of(rebuild_database(e.test.home()));
  CHECK(failure_of(records.check_current()).code == ErrorCode::damaged);
  // What it has recorded since is taken over from the run's file.
  const auto run = value_of(records.find_run("calm-fox-7"));
  require_ok(records.apply(run->id, job_change(1, job::Status::running, 3'000)));
  records.keep(run->id);
  Records fresh = e.test.open();
  CHECK(value_of(fresh.take_over("calm-fox-7")));
  CHECK_FALSE(value_of(fresh.take_over("calm-fox-7")));
  const auto again = value_of(fresh.find_run("calm-fox-7"));
  CHECK(value_of(fresh.jobs(again->id))[1].status == job::Status::running);
}
