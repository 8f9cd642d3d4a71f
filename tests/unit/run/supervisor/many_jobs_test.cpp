// What a run of ten thousand jobs costs, counted in calls.
#include "fakes.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;
using namespace dstack::run::test;
using job::Status;
using job::StopRequest;

namespace {

constexpr std::size_t many = 10'000;

std::size_t recorded_steps(const FakeRun& run) {
  std::size_t steps = 0;
  for (const store::RunChanges& changes : run.recorder.all)
    steps += changes.jobs.size();
  return steps;
}

/// Each job was started once, in order, and each of its steps cost a few calls.
void check_cost(const FakeRun& run) {
  REQUIRE(run.runners.orders.size() == many);
  bool in_order = true;
  for (std::size_t i = 0; i < many; ++i)
    in_order = in_order && run.runners.orders[i].index == i;
  CHECK(in_order);
  CHECK(run.runners.count <= 4 * many);  // start, collect, and at each turn release_ports
  CHECK(run.leases.asked <= 2 * many);
  CHECK(run.events.waits <= many);
  CHECK(recorded_steps(run) <= 2 * many);
}

}  // namespace

TEST_CASE("ten thousand independent jobs start once each, in order, eight at a time") {
  FakeRun run(plan_of(std::vector<Jobs>(many)), 8);
  REQUIRE(run.supervise());
  check_cost(run);
  CHECK(run.runners.most_at_a_time == 8);
  CHECK(run.status() == Status::done);
}

TEST_CASE("ten thousand jobs of one workflow start at once where as many may") {
  FakeRun run(plan_with_masters(std::vector<int>(many, -1)), many);
  REQUIRE(run.supervise());
  check_cost(run);
  CHECK(run.runners.most_at_a_time == many);
}

TEST_CASE("ten thousand jobs in a chain start one after the other") {
  std::vector<Jobs> inputs(many);
  for (std::size_t i = 1; i < many; ++i)
    inputs[i] = {i - 1};
  FakeRun run(plan_of(inputs), 8);
  REQUIRE(run.supervise());
  check_cost(run);
  CHECK(run.runners.most_at_a_time == 1);
}

TEST_CASE("a failure in front of ten thousand jobs skips all of them at once") {
  std::vector<Jobs> inputs(many, Jobs{0});
  inputs[0] = {};
  FakeRun run(plan_of(inputs), 8);
  run.runners.ends[{0, 1}] = exits(1);
  REQUIRE(run.supervise());
  CHECK(run.runners.orders.size() == 1);
  CHECK(run.events.waits == 1);
  CHECK(run.last_of(many - 1).status == Status::skipped);
}

TEST_CASE("a stop of ten thousand jobs reaches each running one once") {
  FakeRun run(plan_of(std::vector<Jobs>(many)), 100);
  run.then([&] {
    run.history.of_stops.assign(many, StopRequest::stop);
    Happened happened;
    happened.mail = {std::string(wake_message)};
    return happened;
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.orders.size() == 100);
  CHECK(run.runners.count <= 5 * 100);
  CHECK(run.last_of(many - 1).status == Status::stopped);
  CHECK(run.status() == Status::stopped);
}

TEST_CASE("ten thousand jobs that are alive are taken over without starting any") {
  FakeRun run(plan_of(std::vector<Jobs>(many)), many);
  for (std::size_t job = 0; job < many; ++job) {
    run.was(job, Status::running);
    run.traces.attempts[{job, 1}] = {Trace::alive};
  }
  REQUIRE(run.supervise());
  CHECK(run.runners.orders.empty());
  CHECK(run.runners.count <= 4 * many);
  CHECK(run.status() == Status::done);
}
