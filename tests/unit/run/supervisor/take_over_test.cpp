// A supervisor that begins where one before it was killed.
#include "dstack/run/protocol/mailbox.hpp"
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

ExitRecord exits_at(int code, int second) {
  ExitRecord record = exits(code);
  record.finished_at = Timestamp(std::chrono::seconds(second));
  return record;
}

std::string state(std::size_t job, Status status, std::size_t attempt) {
  return render(StateMessage{job, status, Timestamp(std::chrono::seconds(5)), attempt});
}

/// That another attempt follows, as it is on record.
store::HistoryEntry recorded_retry() {
  store::HistoryEntry entry;
  entry.status = Status::queued;
  entry.cause = Cause::exit;
  return entry;
}

}  // namespace

TEST_CASE("a living job is adopted, in its place, and its end is an end like any other") {
  FakeRun run(plan_of({{}, {}, {0}}), 1);
  run.was(0, Status::running);
  run.was(1, Status::queued);
  run.was(2, Status::queued);
  run.traces.attempts[{0, 1}] = {Trace::alive};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0", "start 1", "start 2"});
  CHECK(run.runners.most_at_a_time == 1);
  CHECK(run.leases.adopted == std::vector<JobAttempt>{{0, 1}});
  CHECK(run.steps_of(0) == "done");
}

TEST_CASE("a job that began and of which nothing is on record is adopted with its states") {
  FakeRun run(plan_of({{}}));
  run.traces.attempts[{0, 1}] = {
      Trace::alive, {}, {state(0, Status::preparing, 1), state(0, Status::running, 1), ""}, {}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0"});
  CHECK(run.steps_of(0) == "preparing running done");
  CHECK(run.changes_of(0)[1].at.at == Timestamp(std::chrono::seconds(5)));
}

TEST_CASE("a state has the time of the run's clock, which older runners do not say") {
  FakeRun run(plan_of({{}}));
  const Timestamp second_ago = run.clock.time.at - std::chrono::seconds(1);
  const std::string old = render(StateMessage{0, Status::preparing, second_ago, 1});
  const std::string told =
      render(StateMessage{0, Status::running, second_ago, 1, std::chrono::seconds(40)});
  run.traces.attempts[{0, 1}] = {Trace::alive, {}, {old, told}, {}};
  REQUIRE(run.supervise());
  CHECK(run.changes_of(0)[0].at.elapsed == std::chrono::seconds(59));
  CHECK(run.changes_of(0)[1].at.elapsed == std::chrono::seconds(40));
}

TEST_CASE("states that are on record are not recorded twice") {
  FakeRun run(plan_of({{}}));
  run.was(0, Status::running);
  run.traces.attempts[{0, 1}] = {
      Trace::alive, {}, {state(0, Status::preparing, 1), state(0, Status::running, 1)}, {}};
  REQUIRE(run.supervise());
  CHECK(run.steps_of(0) == "done");
}

TEST_CASE("a job that has ended meanwhile is judged by its exit record") {
  FakeRun run(plan_of({{}, {0}, {}}));
  for (const std::size_t job : {0u, 1u, 2u})
    run.was(job, Status::queued);
  run.was(0, Status::running);
  run.traces.attempts[{0, 1}] = {Trace::ended, exits_at(4, 7), {}, {}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 2"});
  CHECK(run.last_of(0).exit_code == 4);
  CHECK(run.last_of(1).status == Status::skipped);
}

TEST_CASE("a job whose runner is dead without a record was lost, and nothing of it is left") {
  FakeRun run(plan_of({{}}));
  run.was(0, Status::running);
  run.traces.attempts[{0, 1}] = {Trace::lost};
  run.saver.errors = {};
  REQUIRE(run.supervise());
  CHECK(run.traces.cleaned == std::vector<JobAttempt>{{0, 1}});
  CHECK(run.last_of(0).status == Status::failed);
  CHECK(run.last_of(0).cause == Cause::lost);
}

TEST_CASE("a runner that never started is started as if for the first time") {
  FakeRun run(plan_of({{}}));
  run.was(0, Status::queued);
  run.traces.attempts[{0, 1}] = {Trace::none};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0"});
  CHECK(run.runners.orders[0].attempt == 1);
}

TEST_CASE("a job that began by the record and left nothing on disk was lost, and the run goes on") {
  FakeRun run(plan_of({{}, {}}));
  run.was(0, GENERATE(Status::preparing, Status::running, Status::uploading, Status::stopping));
  run.was(1, Status::queued);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 1"});
  CHECK(run.last_of(0).status == Status::failed);
  CHECK(run.last_of(0).cause == Cause::lost);
}

TEST_CASE("jobs that are over stay as they are, and what they saved is known") {
  FakeRun run(plan_of({{}, {0}, {}}));
  run.was(0, Status::done);
  run.was(1, Status::queued);
  run.was(2, Status::failed);
  run.run.first_failure = 2;
  run.history.of_artifacts = {{"w0", "model", {}, false, {}}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 1"});
  CHECK(run.runners.orders[0].inputs.size() == 1);
  CHECK(run.changes_of(0).empty());
  CHECK(run.changes_of(2).empty());
}

TEST_CASE("a stop that came while there was no supervisor is carried out first") {
  FakeRun run(plan_of({{}, {}}), 1);
  run.was(0, Status::running);
  run.was(1, Status::queued);
  run.traces.attempts[{0, 1}] = {Trace::alive};
  run.history.of_stops.assign(2, StopRequest::stop);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0", "stop 0"});
  CHECK(run.steps_of(1) == "stopped");
}

TEST_CASE("an adopted runner without a recorded identity gets the stop once it has one") {
  FakeRun run(plan_of({{}}));
  run.was(0, Status::running);
  run.traces.attempts[{0, 1}] = {Trace::alive};
  run.runners.unreached = {0};
  run.history.of_stops = {StopRequest::abort};
  run.then([&] {
    CHECK(run.runners.calls == Calls{"adopt 0"});
    run.runners.unreached.clear();
    Happened happened;
    happened.found = true;
    return happened;
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0", "abort 0"});
  CHECK(run.status() == Status::aborted);
}

TEST_CASE("a retry that is on record and has not begun begins, and is not recorded twice") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.retry = 1;
  FakeRun run(plan);
  run.was(0, Status::queued);
  run.history.of_steps[0] = {recorded_retry()};
  run.traces.attempts[{0, 1}] = {Trace::ended, exits_at(1, 7), {}, {}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0"});
  CHECK(run.runners.orders[0].attempt == 2);
  CHECK(run.steps_of(0) == "done");
}

TEST_CASE("retries that the supervisor before began and did not record are recorded late") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.retry = 3;
  FakeRun run(plan);
  run.was(0, Status::running);
  run.traces.attempts[{0, 1}] = {Trace::ended, exits_at(2, 7), {}, {}};
  run.traces.attempts[{0, 2}] = {Trace::lost};
  run.traces.attempts[{0, 3}] = {Trace::alive, {}, {state(0, Status::running, 3)}, {}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0"});
  CHECK(run.steps_of(0) == "queued queued running done");
  CHECK(run.changes_of(0)[0].reason == "exit code 2; attempt 2 of 4 follows");
  CHECK(run.changes_of(0)[1].cause == Cause::lost);
}

TEST_CASE("an attempt whose folder was made and that never began is begun once") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.retry = 3;
  FakeRun run(plan);
  run.was(0, Status::running);
  run.traces.attempts[{0, 1}] = {Trace::ended, exits_at(2, 7), {}, {}};
  run.traces.attempts[{0, 2}] = {Trace::none};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0"});
  CHECK(run.runners.orders[0].attempt == 2);
  CHECK(run.steps_of(0) == "queued done");
}

TEST_CASE("what was not started of a gang starts with the ports that the living have") {
  auto plan = plan_with_masters({-1, 0, -1});
  plan.jobs[0].spec.ports = 1;
  FakeRun run(plan, 1);
  run.was(0, Status::running);
  run.was(1, Status::queued);
  run.was(2, Status::queued);
  run.traces.attempts[{0, 1}] = {Trace::alive, {}, {}, {23456}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0", "start 1", "start 2"});
  CHECK(run.leases.adopted == std::vector<JobAttempt>{{0, 2}});
  const auto& environment = run.runners.orders[0].environment;
  CHECK(std::find(environment.begin(),
                  environment.end(),
                  std::pair<std::string, std::string>{"MASTER_JOB_PORT_0", "23456"}) !=
        environment.end());
}

TEST_CASE("of a gang of which one has failed the living are stopped and the rest never starts") {
  FakeRun run(plan_with_masters({-1, 0, 0}));
  for (const std::size_t job : {0u, 1u})
    run.was(job, Status::running);
  run.was(2, Status::queued);
  run.traces.attempts[{0, 1}] = {Trace::alive};
  run.traces.attempts[{1, 1}] = {Trace::ended, exits_at(9, 7), {}, {}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0", "stop 0"});
  CHECK(run.last_of(1).exit_code == 9);
  CHECK(run.last_of(2).reason == "stopped because train[1] failed first");
  CHECK(run.last_of(0).reason == "stopped because train[1] failed first");
}

TEST_CASE("a gang whose failure is on record ends, and the living are reached when they can be") {
  FakeRun run(plan_with_masters({-1, 0}));
  run.was(0, Status::running);
  run.was(1, Status::failed);
  run.run.first_failure = 1;
  run.traces.attempts[{0, 1}] = {Trace::alive};
  run.runners.unreached = {0};
  run.then([&] {
    run.runners.unreached.clear();
    Happened happened;
    happened.found = true;
    return happened;
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"adopt 0", "stop 0"});
  CHECK(run.last_of(0).status == Status::stopped);
}

TEST_CASE("ends that a dead supervisor held back are judged with the rest of their gang") {
  FakeRun run(plan_with_masters({-1, 0}, 1));
  run.was(0, Status::running);
  run.was(1, Status::running);
  run.traces.attempts[{0, 1}] = {Trace::ended, exits_at(0, 9), {}, {}};
  run.traces.attempts[{1, 1}] = {Trace::ended, exits_at(6, 7), {}, {}};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1"});
  CHECK(run.runners.orders[0].attempt == 2);
  CHECK(run.changes_of(0)[0].reason == "train[1] failed: exit code 6; attempt 2 of 2 follows");
  CHECK(run.status() == Status::done);
}
