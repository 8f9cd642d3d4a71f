#include "dstack/run/schedule/scheduler.hpp"

#include "dstack/job/status.hpp"
#include "support/catch.hpp"
#include "unit/run/schedule/plans.hpp"

using namespace dstack;
using namespace dstack::run;
using namespace dstack::run::test;
using job::Status;

namespace {

using Jobs = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a gang is handed out whole, masters first, and takes one slot") {
  const auto plan = plan_with_masters({-1, 3, -1, 2, 2});
  Scheduler scheduler(plan, 1);

  CHECK(scheduler.take_startable() == Jobs{0});
  CHECK(scheduler.take_startable().empty());
  scheduler.ended(0, Status::done);
  CHECK(scheduler.take_startable() == Jobs{2, 3, 4, 1});
  for (const std::size_t job : Jobs{1, 2, 3})
    scheduler.ended(job, Status::done);
  CHECK_FALSE(scheduler.finished());
  scheduler.ended(4, Status::done);
  CHECK(scheduler.finished());
}

TEST_CASE("a job that may not start yet is skipped, and takes no slot") {
  const auto plan = plan_of({{}, {}, {}});
  Scheduler scheduler(plan, 1);
  const auto not_the_first = [](std::size_t job) { return job != 0; };
  CHECK(scheduler.take_startable(not_the_first) == Jobs{1});
  CHECK_FALSE(scheduler.has_free_slot());
  scheduler.ended(1, Status::done);
  CHECK(scheduler.take_startable([](std::size_t) { return false; }).empty());
  CHECK(scheduler.has_free_slot());
  CHECK(scheduler.take_startable() == Jobs{0});
}

TEST_CASE("a gang keeps its slot until the last of it has ended") {
  auto plan = plan_with_masters({-1, 0, -1});
  Scheduler scheduler(plan, 1);
  CHECK(scheduler.take_startable() == Jobs{0, 1});
  scheduler.ended(0, Status::done);
  CHECK(scheduler.take_startable().empty());
  scheduler.ended(1, Status::done);
  CHECK(scheduler.take_startable() == Jobs{2});
}

TEST_CASE("what a dead supervisor did not start of a gang is handed out without a further slot") {
  const auto plan = plan_with_masters({-1, 0, 0, -1});
  Scheduler scheduler(plan, 1);
  scheduler.restore(0, Status::running);
  for (const std::size_t job : Jobs{1, 2, 3})
    scheduler.restore(job, Status::queued);

  CHECK(scheduler.take_startable() == Jobs{1, 2});
  CHECK(scheduler.take_startable().empty());
}

TEST_CASE("a job that is retried gives its slot back and is handed out once more") {
  const auto plan = plan_of({{}, {}, {0}});
  Scheduler scheduler(plan, 1);
  CHECK(scheduler.take_startable() == Jobs{0});
  scheduler.retry(0);
  CHECK(scheduler.job_status(0) == Status::queued);
  CHECK(scheduler.take_startable() == Jobs{0});
  CHECK(scheduler.ended(0, Status::done).empty());
  CHECK(scheduler.take_startable() == Jobs{1});
}

TEST_CASE("independent jobs start together, as many as may run at a time") {
  const auto plan = plan_of({{}, {}, {}});
  Scheduler scheduler(plan, 2);

  CHECK(scheduler.take_startable() == Jobs{0, 1});
  CHECK(scheduler.take_startable().empty());
  CHECK(scheduler.reason_to_wait(2) == "waits for a free slot");
  scheduler.ended(0, Status::done);
  CHECK(scheduler.take_startable() == Jobs{2});
}

TEST_CASE("a diamond runs its top once and its bottom last") {
  const auto plan = plan_of({{}, {0}, {0}, {1, 2}});
  Scheduler scheduler(plan, 8);

  CHECK(scheduler.take_startable() == Jobs{0});
  CHECK(scheduler.reason_to_wait(3) == "waits for w1, w2");
  scheduler.ended(0, Status::done);
  CHECK(scheduler.take_startable() == Jobs{1, 2});
  scheduler.ended(1, Status::done);
  CHECK(scheduler.take_startable().empty());
  scheduler.ended(2, Status::done);
  CHECK(scheduler.take_startable() == Jobs{3});
  scheduler.ended(3, Status::done);
  CHECK(scheduler.finished());
  CHECK(scheduler.run_status() == Status::done);
}

TEST_CASE("a failure skips what depends on it and lets the rest go on") {
  const auto plan = plan_of({{}, {0}, {1}, {}});
  Scheduler scheduler(plan, 1);

  CHECK(scheduler.take_startable() == Jobs{0});
  CHECK(scheduler.ended(0, Status::failed) == Jobs{1, 2});
  CHECK(scheduler.job_status(2) == Status::skipped);
  CHECK_FALSE(scheduler.finished());
  CHECK(scheduler.take_startable() == Jobs{3});
  scheduler.ended(3, Status::done);
  CHECK(scheduler.finished());
  CHECK(scheduler.run_status() == Status::failed);
}

TEST_CASE("a stop ends what has not begun at once and skips what waited for it") {
  const auto plan = plan_of({{}, {}, {1}});
  Scheduler scheduler(plan, 1);
  scheduler.take_startable();
  Jobs skipped;

  CHECK(scheduler.stop_waiting(1, Status::stopped, skipped) == Jobs{1});
  CHECK(skipped == Jobs{2});
  CHECK(scheduler.stop_waiting(0, Status::stopped, skipped).empty());
  scheduler.ended(0, Status::done);
  CHECK(scheduler.finished());
  CHECK(scheduler.run_status() == Status::stopped);
}

TEST_CASE("a scheduler that takes over neither starts a job twice nor forgets one") {
  const auto plan = plan_of({{}, {0}, {}, {}});
  Scheduler scheduler(plan, 2);
  scheduler.restore(0, Status::done);
  scheduler.restore(1, Status::queued);
  scheduler.restore(2, Status::running);
  scheduler.restore(3, Status::submitted);

  CHECK(scheduler.take_startable() == Jobs{1});
  CHECK(scheduler.run_status() == Status::running);
  scheduler.ended(2, Status::done);
  CHECK(scheduler.take_startable() == Jobs{3});
}

TEST_CASE("jobs that were skipped before are not skipped again by a scheduler that takes over") {
  const auto plan = plan_of({{}, {0}});
  Scheduler scheduler(plan, 2);
  scheduler.restore(0, Status::failed);
  scheduler.restore(1, Status::skipped);
  CHECK(scheduler.finished());
  CHECK(scheduler.run_status() == Status::failed);
}

TEST_CASE("a running run has the status of its most active jobs") {
  const auto plan = plan_of({{}, {}});
  Scheduler scheduler(plan, 2);
  CHECK(scheduler.run_status() == Status::submitted);
  scheduler.take_startable();
  scheduler.set_status(0, Status::preparing);
  CHECK(scheduler.run_status() == Status::preparing);
  scheduler.set_status(1, Status::running);
  CHECK(scheduler.run_status() == Status::running);
  scheduler.ended(0, Status::done);
  scheduler.set_status(1, Status::stopping);
  CHECK(scheduler.run_status() == Status::stopping);
}

TEST_CASE("ten thousand jobs in a chain are scheduled one after the other") {
  std::vector<std::vector<std::size_t>> inputs(10'000);
  for (std::size_t i = 1; i < inputs.size(); ++i)
    inputs[i] = {i - 1};
  const auto plan = plan_of(inputs);
  Scheduler scheduler(plan, 4);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    REQUIRE(scheduler.take_startable() == Jobs{i});
    scheduler.ended(i, Status::done);
  }
  CHECK(scheduler.finished());
}
