#include "dstack/run/supervisor/recorder.hpp"

#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/wait.hpp"

#include <algorithm>
#include <string>

#include <poll.h>

using namespace dstack;
using namespace dstack::run;
using job::Status;

namespace {

constexpr std::size_t job_count = 50;

/// A home with one run of one workflow.
struct Fixture {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path());
  files::Home home{folder.path() / "home"};
  store::Records records = *store::Records::open(home);
  store::RunRecord run = make();

  store::Records open() const { return *store::Records::open(home); }

  store::RunRecord make() {
    store::NewRun made;
    made.name = "quiet-otter-1";
    made.project = "/home/me/project";
    made.target = "w";
    made.machine = "machine";
    made.workflows = {{"w", "bash"}};
    for (std::size_t job = 0; job < job_count; ++job)
      made.jobs.push_back({0, "job" + std::to_string(job)});
    made.plan = "{}";
    REQUIRE(records.create_run(made));
    REQUIRE(make_folders(home.run(made.name)));
    return **records.find_run(made.name);
  }
};

store::RunChanges change_of(std::size_t job, Status status) {
  store::RunChanges changes;
  changes.at = {now()};
  store::JobChange change;
  change.job = job;
  change.status = status;
  change.at = changes.at;
  changes.jobs.push_back(change);
  return changes;
}

store::RunChanges change_of_run(Status status) {
  store::RunChanges changes;
  changes.at = {now()};
  changes.status = status;
  return changes;
}

}  // namespace

TEST_CASE("every change is on record when a recorder has finished, each with its step") {
  Fixture fixture;
  auto recorder = DatabaseRecorder::start(fixture.home, fixture.open(), fixture.run);
  REQUIRE(recorder);
  recorder->add(change_of_run(Status::running), {});
  for (std::size_t job = 0; job < job_count; ++job) {
    recorder->add(change_of(job, Status::running), {});
    recorder->add(change_of(job, Status::done), {job});
  }
  recorder->add(change_of_run(Status::done), {});

  auto workspaces = recorder->finish();

  REQUIRE(workspaces);
  CHECK(workspaces->size() == job_count);
  const auto run = *fixture.records.find_run(fixture.run.name);
  REQUIRE(run);
  CHECK(run->status == Status::done);
  CHECK(run->started_at);
  for (std::size_t job = 0; job < job_count; ++job) {
    const auto history = fixture.records.history(fixture.run.id, job);
    REQUIRE(history);
    REQUIRE(history->size() == 3);
    CHECK((*history)[1].status == Status::running);
    CHECK((*history)[2].status == Status::done);
  }
}

TEST_CASE("followers are notified of what is on record, and first of all jobs") {
  Fixture fixture;
  {
    auto recorder = DatabaseRecorder::start(fixture.home, fixture.open(), fixture.run);
    REQUIRE(recorder);
    recorder->add(change_of(7, Status::running), {});
  }
  const auto changes = read_file(fixture.home.run(fixture.run.name) / file_names::changes);
  REQUIRE(changes);
  CHECK(*changes == std::string(all_jobs) + "\n7 \n");
  const auto jobs = fixture.records.jobs(fixture.run.id);
  REQUIRE(jobs);
  CHECK((*jobs)[7].status == Status::running);
}

TEST_CASE(
    "changes that follow a transaction closely share the next, unless the run itself changes") {
  Fixture fixture;
  auto recorder = DatabaseRecorder::start(
      fixture.home, fixture.open(), fixture.run, store::Records::Force::no, std::chrono::hours(1));
  REQUIRE(recorder);
  const auto recorded = [&] {
    return read_file(fixture.home.run(fixture.run.name) / file_names::changes).value_or("");
  };
  recorder->add(change_of(0, Status::running), {});
  test::wait_until([&] { return recorded() == "all\n0 \n"; });
  for (std::size_t job = 1; job < 4; ++job)
    recorder->add(change_of(job, Status::running), {});
  SECTION("nobody waits for longer than he has to") {
    REQUIRE(recorder->finish());
    CHECK(recorded() == "all\n0 \n1 2 3 \n");
  }
  SECTION("a run that changes is recorded at once, with what came before") {
    recorder->add(change_of_run(Status::running), {});
    test::wait_until([&] { return recorded() == "all\n0 \n1 2 3 \n"; });
    CHECK((*fixture.records.find_run(fixture.run.name))->status == Status::running);
  }
}

TEST_CASE("after a change that cannot be recorded, no later one is") {
  Fixture fixture;
  auto recorder = DatabaseRecorder::start(fixture.home, fixture.open(), fixture.run);
  REQUIRE(recorder);
  recorder->add(change_of(job_count, Status::running), {3});  // there is no such job
  pollfd polled{recorder->fd(), POLLIN, 0};
  REQUIRE(::poll(&polled, 1, 60'000) == 1);

  CHECK(test::failure_of(recorder->take()).code == ErrorCode::not_found);
  recorder->add(change_of(0, Status::running), {});
  CHECK(test::failure_of(recorder->finish()).code == ErrorCode::not_found);
  const auto jobs = fixture.records.jobs(fixture.run.id);
  REQUIRE(jobs);
  CHECK((*jobs)[0].status == Status::submitted);
}
