// Runs, jobs and what happens to them.
#include "dstack/job/application.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/database.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "unit/store/fixture.hpp"

#include <set>

using namespace dstack;
using namespace dstack::store;

namespace {

JobRecord job_of(Records& records, RunId run, std::size_t index) {
  return value_of(records.jobs(run)).at(index);
}

}  // namespace

TEST_CASE("a run is read back as it was created") {
  const TestHome test;
  Records records = test.open();
  NewRun created = new_run("quiet-otter-1");
  created.tag = "latest";
  created.code.snapshot = {
      .tree = sha256("tree"), .times = sha256("times"), .files = 3, .bytes = 42};
  created.code.git = {.remote = "https://example.com/x.git",
                      .branch = "main",
                      .commit = "c0ffee",
                      .root_commit = "abc",
                      .dirty = true};

  const RunId id = value_of(records.create_run(created));
  const auto run = value_of(records.find_run("quiet-otter-1"));

  REQUIRE(run);
  CHECK(run->id == id);
  CHECK(run->project == "/project");
  CHECK(run->target == "train");
  CHECK(run->machine == "machine");
  CHECK(run->status == job::Status::submitted);
  CHECK(run->first_failure == -1);
  CHECK(run->stop == job::StopRequest::none);
  CHECK_FALSE(run->started_at);
  CHECK(run->code.snapshot == created.code.snapshot);
  CHECK(run->code.git == created.code.git);
  REQUIRE(run->workflows.size() == 2);
  CHECK(run->workflows[1].name == "train");
  CHECK(run->workflows[1].provider == "python");
  CHECK(run->workflows[1].jobs == 2);
  CHECK(value_of(records.plan(id)) == created.plan);
  CHECK(value_of(records.tag_on_success(id)) == "latest");
  CHECK(job_of(records, id, 2).id == "cccccccccccc");
  CHECK(job_of(records, id, 2).workflow == 1);
}

TEST_CASE("a run's name is taken once") {
  const TestHome test;
  Records records = test.open();
  value_of(records.create_run(new_run("quiet-otter-1")));

  const auto again = records.create_run(new_run("quiet-otter-1"));

  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::conflict);
  CHECK(value_of(records.find_runs({})).size() == 1);
}

TEST_CASE("proposed names are two words and a number that nobody has") {
  const TestHome test;
  Records records = test.open();
  std::set<std::string> names;
  for (int i = 0; i < 50; ++i) {
    const std::string name = value_of(records.propose_run_name());
    CHECK(std::count(name.begin(), name.end(), '-') == 2);
    value_of(records.create_run(new_run(name)));
    names.insert(name);
  }

  CHECK(names.size() == 50);
}

TEST_CASE("the number of a removed run's name is not given again") {
  const TestHome test;
  Records records = test.open();
  const std::string first = value_of(records.propose_run_name());
  const std::string pair = first.substr(0, first.rfind('-'));
  const RunId id = value_of(records.create_run(new_run(pair + "-7")));
  require_ok(records.apply(id, run_change(job::Status::done, 1)));
  require_ok(records.remove_run(id));

  // The words are random: make it this pair's turn by looking at what the database keeps of it.
  Database database = value_of(Database::open(test.home().database(), Database::Open::read_only));
  Query query = value_of(database.query("select last from run_name where pair = ?"));

  REQUIRE(value_of(query.bind(pair).step()));
  CHECK(query.integer(0) == 7);
}

TEST_CASE("a job's steps become its history and its times") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  RunChanges queued = job_change(1, job::Status::queued, 1000);
  queued.jobs[0].reason = "waits for download";
  require_ok(records.apply(run, queued));
  require_ok(records.apply(run, job_change(1, job::Status::preparing, 2000)));
  require_ok(records.apply(run, job_change(1, job::Status::running, 3000)));
  RunChanges failed = job_change(1, job::Status::failed, 4000);
  failed.jobs[0].cause = job::Cause::exit;
  failed.jobs[0].exit_code = 3;
  failed.jobs[0].reason = "exit code 3";
  failed.first_failure = 1;
  require_ok(records.apply(run, failed));

  const JobRecord record = job_of(records, run, 1);
  CHECK(record.status == job::Status::failed);
  CHECK(record.cause == job::Cause::exit);
  CHECK(record.exit_code == 3);
  CHECK_FALSE(record.signal);
  CHECK(record.reason == "exit code 3");
  CHECK(record.started_at == at(2000));
  CHECK(record.finished_at == at(4000));
  const auto history = value_of(records.history(run, 1));
  REQUIRE(history.size() == 5);
  CHECK(history[0].status == job::Status::submitted);
  CHECK(history[1].reason == "waits for download");
  CHECK(history[4].status == job::Status::failed);
  CHECK(history[4].cause == job::Cause::exit);
  CHECK(history[4].at == at(4000));
  CHECK(value_of(records.find_run("quiet-otter-1"))->first_failure == 1);
  CHECK(value_of(records.history(run, 0)).size() == 1);
}

TEST_CASE("a run keeps the clock of the boot in which it was submitted, until another is set") {
  const TestHome test;
  Records records = test.open();
  NewRun made = new_run("quiet-otter-1");
  made.boot = "this boot";
  const auto before = monotonic_now();
  const RunId run = value_of(records.create_run(made));
  const job::RunClock clock = value_of(records.find_run("quiet-otter-1"))->clock;
  CHECK(clock.boot == "this boot");
  CHECK(clock.zero >= before);
  CHECK(clock.zero <= monotonic_now());

  const job::RunClock next{"the next boot", std::chrono::milliseconds(-5)};
  require_ok(records.set_clock(run, next));
  CHECK(value_of(records.find_run("quiet-otter-1"))->clock == next);
}

TEST_CASE("a run that is recorded as begun and ended at once keeps the time of both") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  RunChanges all = job_change(0, job::Status::running, 1000);
  all.jobs.push_back({.job = 0, .status = job::Status::done, .at = at(3000)});
  all.workflows.push_back(
      {.workflow = 0, .status = job::Status::done, .at = at(3000), .started_at = at(1000)});
  all.status = job::Status::done;
  all.started_at = at(1000);
  all.at = at(3000);
  require_ok(records.apply(run, all));

  const RunRecord record = *value_of(records.find_run("quiet-otter-1"));
  CHECK(record.started_at == at(1000));
  CHECK(record.finished_at == at(3000));
  CHECK(record.workflows[0].started_at == at(1000));
  CHECK(record.workflows[0].finished_at == at(3000));
}

TEST_CASE("what has ended never changes again") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  RunChanges end = job_change(0, job::Status::done, 1000);
  end.workflows.push_back({.workflow = 0, .status = job::Status::done, .at = at(1000)});
  end.status = job::Status::failed;
  require_ok(records.apply(run, end));

  SECTION("a job") {
    const auto changed = records.apply(run, job_change(0, job::Status::running, 2000));
    REQUIRE_FALSE(changed);
    CHECK(changed.error().code == ErrorCode::conflict);
    CHECK_THAT(changed.error().message, Catch::Contains("the job has ended"));
  }
  SECTION("a workflow") {
    RunChanges change;
    change.workflows.push_back({.workflow = 0, .status = job::Status::failed, .at = at(2000)});
    CHECK(failure_of(records.apply(run, change)).code == ErrorCode::conflict);
  }
  SECTION("a run") {
    CHECK(failure_of(records.apply(run, run_change(job::Status::done, 2000))).code ==
          ErrorCode::conflict);
    CHECK(failure_of(records.apply(run, run_change(job::Status::running, 2000))).code ==
          ErrorCode::conflict);
  }
  SECTION("also by direct writes to the database") {
    Database database =
        value_of(Database::open(test.home().database(), Database::Open::read_write));
    for (const char* const statement :
         {"update job set status = 'running', finished_at = null where number = 0",
          "update job set exit_code = 7 where number = 0",
          "update run set finished_at = null, status = 'running'",
          "update workflow set finished_at = 7 where number = 0"}) {
      const Error error = failure_of(database.execute(statement));
      CHECK(error.code == ErrorCode::conflict);
      CHECK_THAT(error.message, Catch::Contains("has ended"));
    }
  }
  SECTION("the same end once more is not an error and changes nothing") {
    require_ok(records.apply(run, job_change(0, job::Status::done, 2000)));
    require_ok(records.apply(run, run_change(job::Status::failed, 2000)));
  }
  CHECK(job_of(records, run, 0).finished_at == at(1000));
  CHECK(value_of(records.history(run, 0)).size() == 2);
  CHECK(value_of(records.find_run("quiet-otter-1"))->finished_at == at(1000));
}

TEST_CASE("changes are taken together or not at all") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  RunChanges changes = job_change(0, job::Status::running, 1000);
  changes.jobs.push_back({.job = 99, .status = job::Status::running, .at = at(1000)});
  changes.status = job::Status::running;

  const auto applied = records.apply(run, changes);

  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ErrorCode::not_found);
  CHECK(job_of(records, run, 0).status == job::Status::submitted);
  CHECK(value_of(records.find_run("quiet-otter-1"))->status == job::Status::submitted);
}

TEST_CASE("a request to stop is kept, grows to an abort and never shrinks") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));

  require_ok(records.request_stop(run, std::vector<std::size_t>{1}, job::StopRequest::stop));
  CHECK(value_of(records.workflow_stops(run)) ==
        std::vector{job::StopRequest::none, job::StopRequest::stop});
  require_ok(records.request_stop(run, job::StopRequest::abort));
  require_ok(records.request_stop(run, job::StopRequest::stop));
  CHECK(value_of(records.find_run("quiet-otter-1"))->stop == job::StopRequest::abort);

  require_ok(records.apply(run, run_change(job::Status::aborted, 1)));
  const auto late = records.request_stop(run, job::StopRequest::stop);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::conflict);
}

TEST_CASE("artifacts replace those of the same workflow and path and mark partial jobs") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  RunChanges changes;
  changes.artifacts.push_back({"train", "model", {sha256("1"), sha256("t"), 1, 10}, true});
  changes.artifacts.push_back({"download", "data", {sha256("2"), sha256("t"), 2, 20}, false});
  require_ok(records.apply(run, changes));
  CHECK(job_of(records, run, 1).has_partial_artifacts);
  CHECK_FALSE(job_of(records, run, 0).has_partial_artifacts);

  RunChanges again;
  again.artifacts.push_back({"train", "model", {sha256("3"), sha256("t"), 3, 30}, false});
  require_ok(records.apply(run, again));

  const auto artifacts = value_of(records.artifacts(run));
  REQUIRE(artifacts.size() == 2);
  CHECK(artifacts[0].workflow == "download");
  CHECK(artifacts[1].tree == job::TreeReference{sha256("3"), sha256("t"), 3, 30});
  CHECK_FALSE(artifacts[1].partial);
  CHECK_FALSE(job_of(records, run, 1).has_partial_artifacts);
}

TEST_CASE("what was found in an artifact is kept with it") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  const job::SecretFindings exposure{{{"model/env", {"KEY", "TOKEN"}}}, 3};
  RunChanges changes;
  changes.artifacts.push_back(
      {"train", "model", {sha256("1"), sha256("t"), 1, 10}, false, exposure});
  changes.artifacts.push_back({"download", "data", {sha256("2"), sha256("t"), 2, 20}, false});
  require_ok(records.apply(run, changes));

  const auto artifacts = value_of(records.artifacts(run));
  REQUIRE(artifacts.size() == 2);
  CHECK(artifacts[0].exposure == job::SecretFindings());
  CHECK(artifacts[1].exposure == exposure);
}

TEST_CASE("an application is kept with its job, and the same one reported again replaces it") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  job::Application app{1,
                       0,
                       "JupyterLab",
                       "http://127.0.0.1:20000/lab?token=x",
                       "",
                       job::ApplicationState::starting,
                       {}};
  const job::Application other{
      1, 1, "TensorBoard", "http://127.0.0.1:20001/", "secret", job::ApplicationState::late, {}};
  RunChanges changes;
  changes.apps = {app, other};
  require_ok(records.apply(run, changes));
  app.state = job::ApplicationState::ready;
  app.ready_at = Timestamp(std::chrono::milliseconds(5000));
  changes.apps = {app};
  require_ok(records.apply(run, changes));

  const auto jobs = value_of(records.jobs(run));

  CHECK(jobs[0].apps.empty());
  CHECK(jobs[1].apps == std::vector<job::Application>{app, other});
  RunState state{*value_of(records.find_run("quiet-otter-1")), jobs};
  state.jobs[1].apps.clear();
  require_ok(records.refresh(state, {1}));
  CHECK(state.jobs[1].apps == jobs[1].apps);
  require_ok(records.apply(run, run_change(job::Status::done, 6000)));
  require_ok(records.remove_run(run));
  CHECK(value_of(records.jobs(run)).empty());
}

TEST_CASE("runs are found newest first by project, name and state") {
  const TestHome test;
  Records records = test.open();
  const RunId first = value_of(records.create_run(new_run("a-a-1", "/one")));
  value_of(records.create_run(new_run("b-b-1", "/two")));
  value_of(records.create_run(new_run("c-c-1", "/one")));
  require_ok(records.apply(first, run_change(job::Status::done, 1)));
  const auto names = [&](const RunFilter& filter) {
    std::vector<std::string> found;
    for (const RunRecord& run : value_of(records.find_runs(filter))) {
      CHECK(run.workflows.size() == 2);
      found.push_back(run.name);
    }
    return found;
  };
  using Names = std::vector<std::string>;

  CHECK(names({}) == Names{"c-c-1", "b-b-1", "a-a-1"});
  CHECK(names({.project = "/one"}) == Names{"c-c-1", "a-a-1"});
  CHECK(names({.project = "/one", .unfinished = true}) == Names{"c-c-1"});
  CHECK(names({.unfinished = true, .most = 1}) == Names{"c-c-1"});
  CHECK(names({.name = "b-b-1"}) == Names{"b-b-1"});
  CHECK(names({.project = "/none"}).empty());
  CHECK(value_of(records.last_run("/two"))->name == "b-b-1");
  CHECK_FALSE(value_of(records.last_run("/none")));
  CHECK_FALSE(value_of(records.find_run("")));
  CHECK(value_of(records.run_names(2)) == Names{"c-c-1", "b-b-1"});
}

TEST_CASE("a run of ten thousand jobs is created and changed") {
  const TestHome test;
  Records records = test.open();
  NewRun run = new_run("quiet-otter-1");
  run.jobs.assign(10'000, {1, "abcdefabcdef"});
  const RunId id = value_of(records.create_run(run));
  RunChanges changes;
  for (std::size_t i = 0; i < run.jobs.size(); ++i)
    changes.jobs.push_back({.job = i, .status = job::Status::queued, .at = at(1)});

  require_ok(records.apply(id, changes));

  CHECK(value_of(records.jobs(id)).size() == 10'000);
  CHECK(value_of(records.find_run("quiet-otter-1"))->workflows[1].jobs == 10'000);
}

TEST_CASE("only ended and untagged runs are removed, with all that belongs to them") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  const auto unfinished = records.remove_run(run);
  REQUIRE_FALSE(unfinished);
  CHECK(unfinished.error().code == ErrorCode::conflict);
  CHECK(unfinished.error().hint == "stop it first: dstack stop quiet-otter-1");

  require_ok(records.apply(run, job_change(0, job::Status::done, 1)));
  require_ok(records.apply(run, run_change(job::Status::done, 1)));
  require_ok(records.add_tags("/project", "latest", {"train"}, run, Records::Force::no));
  const auto tagged = records.remove_run(run);
  REQUIRE_FALSE(tagged);
  CHECK(tagged.error().code == ErrorCode::conflict);
  CHECK(tagged.error().message == "run 'quiet-otter-1' is tagged 'latest'");

  require_ok(records.delete_tag("/project", "train", "latest"));
  require_ok(records.remove_run(run));
  CHECK(value_of(records.find_runs({})).empty());
  CHECK(value_of(records.jobs(run)).empty());
  CHECK(failure_of(records.plan(run)).code == ErrorCode::not_found);
  CHECK(value_of(records.create_run(new_run("quiet-otter-2"))) > run);
}

TEST_CASE("names with quotes, NUL and other bytes are kept as they are") {
  const TestHome test;
  Records records = test.open();
  NewRun run = new_run("it's; drop table run");
  run.target = std::string("a\0b\xff", 4);

  value_of(records.create_run(run));

  CHECK(value_of(records.find_run(run.name))->target == run.target);
}

TEST_CASE("runs are found from a run on") {
  const TestHome test;
  Records records = test.open();
  std::vector<RunId> ids;
  for (int i = 1; i <= 5; ++i)
    ids.push_back(value_of(records.create_run(new_run(fmt::format("quiet-otter-{}", i)))));

  const auto page = value_of(records.find_runs({.before = ids[3], .most = 2}));

  REQUIRE(page.size() == 2);
  CHECK(page[0].id == ids[2]);
  CHECK(page[1].id == ids[1]);
  CHECK(value_of(records.find_runs({.before = ids[0]})).empty());
}

TEST_CASE("the bounds of a listing are those of its longest texts") {
  const TestHome test;
  Records records = test.open();
  CHECK(value_of(records.listing_bounds()).run_name == 0);
  const RunId id = value_of(records.create_run(new_run("quiet-otter-1", "/some/project")));
  RunChanges queued = job_change(0, job::Status::queued, 1000);
  queued.jobs[0].reason = "waits for 2 GPUs";
  require_ok(records.apply(id, queued));
  require_ok(records.add_tags("/some/project", "one", {"train"}, id, Records::Force::no));
  require_ok(records.add_tags("/some/project", "three", {"train"}, id, Records::Force::no));

  const ListingBounds bounds = value_of(records.listing_bounds());

  CHECK(bounds.run_name == 13);
  CHECK(bounds.workflow_name == 8);
  CHECK(bounds.project == 13);
  CHECK(bounds.tags == std::string_view("one, three").size());
  CHECK(bounds.reason == 16);
  REQUIRE(bounds.outcomes.size() == 1);
  CHECK(bounds.outcomes[0].status == job::Status::submitted);
}
