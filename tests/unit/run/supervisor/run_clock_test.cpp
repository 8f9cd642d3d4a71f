#include "dstack/run/supervisor/run_clock.hpp"

#include "dstack/files/home.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/store/records/records.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

using namespace dstack;
using namespace dstack::run;
using test::value_of;

namespace {

store::RunRecord made_run(store::Records& records, const std::string& boot) {
  store::NewRun made;
  made.name = "quiet-otter-1";
  made.project = "/project";
  made.boot = boot;
  made.workflows = {{"w", "bash"}};
  made.jobs = {{0, "aaaaaaaaaaaa"}};
  made.plan = "{}";
  value_of(records.create_run(made));
  return *value_of(records.find_run(made.name));
}

job::Moment after(std::chrono::milliseconds elapsed) {
  return {now() - std::chrono::years(1), elapsed};
}

}  // namespace

TEST_CASE("the last moment of a run is the one after which most had elapsed") {
  store::RunRecord run;
  run.submitted_at = now();
  CHECK(last_moment(run, {}) == job::Moment{run.submitted_at});
  std::vector<store::JobRecord> jobs(3);
  jobs[0].started_at = after(std::chrono::seconds(1));
  jobs[0].finished_at = after(std::chrono::seconds(7));
  jobs[1].started_at = after(std::chrono::seconds(3));
  CHECK(last_moment(run, jobs) == jobs[0].finished_at);
}

TEST_CASE("the clock of a run of this boot goes on as it is") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  store::Records records = value_of(store::Records::open(files::Home{folder.path() / "home"}));
  store::RunRecord run = made_run(records, process::boot_id());
  run.clock.zero -= std::chrono::hours(2);
  const job::RunClock before = run.clock;

  const Clock clock = value_of(start_clock(records, run));

  CHECK(run.clock == before);
  CHECK(clock().elapsed >= std::chrono::hours(2));
}

TEST_CASE("the clock of a run of another boot goes on behind what is on record, for everybody") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  store::Records records = value_of(store::Records::open(files::Home{folder.path() / "home"}));
  const std::string boot = GENERATE("", "another boot");
  store::RunRecord run = made_run(records, boot);
  store::RunChanges changes;
  // By a clock that is an hour ahead of what it was set to meanwhile.
  const job::Moment begun{now() + std::chrono::hours(1), std::chrono::hours(5)};
  changes.jobs.push_back({.job = 0, .status = job::Status::running, .at = begun});
  REQUIRE(records.apply(run.id, changes));

  const Clock clock = value_of(start_clock(records, run));

  CHECK(run.clock.boot == process::boot_id());
  CHECK(clock().elapsed >= std::chrono::hours(5));
  CHECK(clock().elapsed < std::chrono::hours(6));
  CHECK(value_of(records.find_run(run.name))->clock == run.clock);
}
