#include "dstack/run/schedule/failure_limit.hpp"

#include "support/catch.hpp"
#include "unit/run/schedule/plans.hpp"

using namespace dstack;
using namespace dstack::run;
using namespace dstack::run::test;
using job::Status;
using std::chrono::seconds;

namespace {

plan::Plan sweep_of(std::size_t combinations) {
  plan::Plan plan = plan_of(std::vector<std::vector<std::size_t>>(combinations));
  for (std::size_t i = 0; i < combinations; ++i) {
    plan.workflows[i].combination = {{"n", std::to_string(i)}};
    plan.workflows[i].name = "w/n=" + std::to_string(i);
  }
  return plan;
}

}  // namespace

TEST_CASE("so many failures as the user allows end the starts") {
  const plan::Plan plan = plan_of({{}, {}, {}, {}});
  FailureLimit limit(plan, 2);
  CHECK_FALSE(limit.ended(0, Status::failed, seconds(1)));
  CHECK_FALSE(limit.ended(1, Status::done, seconds(1)));
  const auto verdict = limit.ended(2, Status::failed, seconds(1));
  REQUIRE(verdict);
  CHECK(verdict->workflows.size() == 4);
  CHECK(verdict->reason == "not started, because 2 others had failed (--max-failures 2)");
  CHECK_FALSE(limit.ended(3, Status::failed, seconds(1)));
}

TEST_CASE("without a limit all goes on") {
  const plan::Plan plan = plan_of({{}, {}, {}, {}, {}});
  FailureLimit limit(plan, 0);
  for (const std::size_t job : {0U, 1U, 2U, 3U, 4U}) {
    limit.began(job, seconds(0));
    CHECK_FALSE(limit.ended(job, Status::failed, seconds(1)));
  }
}

TEST_CASE("when the first combinations all fail at once, the others are held back") {
  const plan::Plan plan = sweep_of(5);
  FailureLimit limit(plan, 0);
  for (const std::size_t job : {0U, 1U, 2U})
    limit.began(job, seconds(100));
  CHECK_FALSE(limit.ended(1, Status::failed, seconds(110)));
  CHECK_FALSE(limit.ended(0, Status::failed, seconds(120)));
  const auto verdict = limit.ended(2, Status::failed, seconds(159));
  REQUIRE(verdict);
  CHECK(verdict->workflows == std::vector<std::size_t>{0U, 1U, 2U, 3U, 4U});
  CHECK(verdict->reason ==
        "held back, because the first 3 combinations all failed within a minute");
}

TEST_CASE("the nodes of one combination count once") {
  plan::Plan plan = sweep_of(5);
  for (int node = 0; node < 2; ++node)
    plan.jobs.insert(plan.jobs.begin(), plan.jobs.front());
  FailureLimit limit(plan, 0);
  for (const std::size_t job : {0U, 1U, 2U, 3U}) {
    limit.began(job, seconds(0));
    CHECK_FALSE(limit.ended(job, Status::failed, seconds(1)));
  }
  limit.began(4, seconds(0));
  CHECK(limit.ended(4, Status::failed, seconds(1)));
}

TEST_CASE("one that succeeds, or that fails late, lets the others go on") {
  const plan::Plan plan = sweep_of(5);
  SECTION("one succeeds") {
    FailureLimit limit(plan, 0);
    for (const std::size_t job : {0U, 1U, 2U, 3U, 4U})
      limit.began(job, seconds(0));
    CHECK_FALSE(limit.ended(0, Status::done, seconds(1)));
    for (const std::size_t job : {1U, 2U, 3U, 4U})
      CHECK_FALSE(limit.ended(job, Status::failed, seconds(1)));
  }
  SECTION("one fails late") {
    FailureLimit limit(plan, 0);
    for (const std::size_t job : {0U, 1U, 2U})
      limit.began(job, seconds(0));
    CHECK_FALSE(limit.ended(0, Status::failed, seconds(1)));
    CHECK_FALSE(limit.ended(1, Status::failed, seconds(1)));
    CHECK_FALSE(limit.ended(2, Status::failed, seconds(60)));
  }
  SECTION("there are no others") {
    const plan::Plan few = sweep_of(3);
    FailureLimit limit(few, 0);
    for (const std::size_t job : {0U, 1U, 2U}) {
      limit.began(job, seconds(0));
      CHECK_FALSE(limit.ended(job, Status::failed, seconds(1)));
    }
  }
}
