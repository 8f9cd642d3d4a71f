// The loop with jobs that start together and end together.
#include "fakes.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;
using namespace dstack::run::test;
using job::Cause;
using job::Status;
using job::StopRequest;

namespace {

using Calls = std::vector<std::string>;

}  // namespace

TEST_CASE("a gang starts together in one slot, masters first, and gets their ports") {
  auto plan = plan_with_masters({2, -1, -1});
  plan.jobs[2].spec.ports = 1;
  FakeRun run(plan, 1);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 2", "start 0", "start 1"});
  CHECK(run.runners.most_at_a_time == 2);
  const auto& environment = run.runners.orders[1].environment;
  CHECK(std::find(environment.begin(),
                  environment.end(),
                  std::pair<std::string, std::string>{"MASTER_JOB_PORT_0", "20020"}) !=
        environment.end());
  CHECK(run.status() == Status::done);
}

TEST_CASE("of a gang for which ports are missing none is started") {
  auto plan = plan_with_masters({-1, 0, 0});
  plan.jobs[0].spec.ports = 1;
  plan.jobs[1].spec.ports = 1;
  FakeRun run(plan);
  run.runners.without_ports = {1};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls.empty());
  CHECK(run.runners.reserved == 0);
  CHECK(run.last_of(1).cause == Cause::start);
  CHECK(run.last_of(0).status == Status::stopped);
  CHECK(run.last_of(0).reason == "stopped because train[1] failed first");
  CHECK(run.last_of(2).status == Status::stopped);
  CHECK(run.status() == Status::failed);
}

TEST_CASE("where one of a gang cannot be started, those that were are stopped") {
  FakeRun run(plan_with_masters({-1, 0, 0}));
  run.runners.refused = {1};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1", "stop 0"});
  CHECK(run.steps_of(0) == "stopping stopped");
  CHECK(run.last_of(0).reason == "stopped because train[1] failed first");
  CHECK(run.last_of(2).status == Status::stopped);
}

TEST_CASE("the first failure stops the rest of its gang, and no other job") {
  FakeRun run(plan_with_masters({-1, 0, 0, -1}));
  run.runners.ends[{1, 1}] = exits(7);
  run.then_ends({1});
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1", "start 2", "start 3", "stop 0", "stop 2"});
  CHECK(run.last_of(1).exit_code == 7);
  CHECK(run.last_of(2).reason == "stopped because train[1] failed first");
  CHECK(run.last_of(3).status == Status::done);
}

TEST_CASE("of a gang that ends at once each is judged by its own end") {
  FakeRun run(plan_with_masters({-1, 0}));
  run.runners.ends[{0, 1}] = exits(7);
  run.then_ends({0, 1});
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1"});
  CHECK(run.last_of(0).status == Status::failed);
  CHECK(run.last_of(1).status == Status::done);
}

TEST_CASE("a gang is retried together, once all of it has ended") {
  FakeRun run(plan_with_masters({-1, 0, 0}, 1));
  run.runners.ends[{1, 1}] = exits(7);
  run.then_ends({2});  // well: held back, for it will run again
  run.then_ends({1});
  run.then([&] {
    CHECK(run.recorder.all.size() <= 2);
    CHECK(run.runners.calls == Calls{"start 0", "start 1", "start 2", "stop 0"});
    Happened happened;
    happened.ended = {0};
    return happened;
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.calls ==
        Calls{"start 0", "start 1", "start 2", "stop 0", "start 0", "start 1", "start 2"});
  CHECK(run.steps_of(2) == "queued done");
  CHECK(run.changes_of(2)[0].reason == "train[1] failed: exit code 7; attempt 2 of 2 follows");
  CHECK(run.changes_of(1)[0].reason == "exit code 7; attempt 2 of 2 follows");
  CHECK(run.runners.orders.back().attempt == 2);
  CHECK(run.status() == Status::done);
}

TEST_CASE("a gang that is stopped while its ends are held back is over") {
  FakeRun run(plan_with_masters({-1, 0}, 3));
  run.then_ends({1});
  run.then_asks(0, StopRequest::stop);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1", "stop 0"});
  CHECK(run.last_of(1).status == Status::done);
  CHECK(run.last_of(0).status == Status::stopped);
  CHECK(run.last_of(0).reason.empty());
}
