// The loop: what starts, and what follows from ends and stops.
#include "dstack/run/supervisor/supervisor.hpp"

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

std::string running(std::size_t job, std::size_t attempt) {
  return render(StateMessage{job, Status::running, Timestamp(), attempt});
}

}  // namespace

TEST_CASE("jobs start in order, no more at a time than may") {
  FakeRun run(plan_of({{}, {}, {}, {}, {}}), 2);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1", "start 2", "start 3", "start 4"});
  CHECK(run.runners.most_at_a_time == 2);
  CHECK(run.steps_of(0) == "done");
  CHECK(run.steps_of(4) == "queued done");
  CHECK(run.changes_of(4).front().reason == "waits for a free slot");
  CHECK(run.status() == Status::done);
}

TEST_CASE("a job starts when all that it depends on has ended well, with what they saved") {
  auto plan = plan_of({{}, {}, {0, 1}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  run.then_ends({1});
  run.then_ends({0});  // what it made is not stored yet
  run.then([&] {
    CHECK(run.runners.calls == Calls{"start 0", "start 1"});
    Happened happened;
    happened.saved = std::exchange(run.saver.finished, {});
    return happened;
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1", "start 2"});
  CHECK(run.runners.orders[2].inputs.size() == 1);
  CHECK(run.steps_of(0) == "uploading done");
  CHECK(run.saver.originals.at(0) == store::Originals::go);
  CHECK(run.saver.discarded == std::vector<JobAttempt>{{0, 1}});
  CHECK(run.status() == Status::done);
}

TEST_CASE("a failure skips what depends on it, and nothing else") {
  FakeRun run(plan_of({{}, {0}, {1}, {}}), 1);
  run.runners.ends[{0, 1}] = exits(3);
  run.explanations[0] = "'data' is ignored by Git";
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 3"});
  CHECK(run.last_of(0).cause == Cause::exit);
  CHECK(run.last_of(0).exit_code == 3);
  CHECK(run.last_of(0).reason == "'data' is ignored by Git");
  CHECK(run.steps_of(1) == "queued skipped");
  CHECK(run.steps_of(2) == "queued skipped");
  CHECK(run.steps_of(3) == "queued done");
  CHECK(run.recorder.all[1].first_failure == 0);
  CHECK(run.status() == Status::failed);
}

TEST_CASE("the first failure of a run is the one that happened first") {
  FakeRun run(plan_of({{}, {}}));
  ExitRecord late = exits(1);
  ExitRecord early = exits(1);
  late.finished_at = run.clock.time.at - std::chrono::seconds(10);
  early.finished_at = run.clock.time.at - std::chrono::seconds(20);
  SECTION("by the wall clock, where older runners say no more") {}
  SECTION("by the run's clock, whatever was made of the one on the wall") {
    std::swap(late.finished_at, early.finished_at);
    late.finished_elapsed = run.clock.time.elapsed - std::chrono::seconds(10);
    early.finished_elapsed = run.clock.time.elapsed - std::chrono::seconds(20);
  }
  run.runners.ends[{0, 1}] = late;
  run.runners.ends[{1, 1}] = early;
  run.then_ends({0, 1});
  REQUIRE(run.supervise());
  CHECK(run.recorder.all.back().first_failure == 1);
}

TEST_CASE("what could not be stored fails a job that ended well, and keeps its workspace") {
  auto plan = plan_of({{}, {0}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  run.saver.errors[0] = "the disk is full";
  REQUIRE(run.supervise());
  CHECK(run.last_of(0).status == Status::failed);
  CHECK(run.last_of(0).cause == Cause::lost);
  CHECK(run.last_of(0).reason == "the disk is full");
  CHECK(run.saver.discarded.empty());
  CHECK(run.last_of(1).status == Status::skipped);
}

TEST_CASE("warnings of a job and of its artifacts are one list, apart from the reason") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  ExitRecord end = exits(3);
  end.warnings = {"some output is lost"};
  run.runners.ends[{0, 1}] = end;
  run.saver.errors[0] = "the disk is full";
  run.saver.warnings[0] = "artifact 'log' does not exist";
  REQUIRE(run.supervise());
  CHECK(run.last_of(0).reason == "the disk is full");
  CHECK(run.last_of(0).warnings ==
        std::vector<std::string>{"some output is lost", "artifact 'log' does not exist"});
}

TEST_CASE("a job that fails is started again as often as it may be") {
  auto plan = plan_of({{}, {0}});
  plan.jobs[0].spec.retry = 2;
  FakeRun run(plan);
  run.runners.ends[{0, 1}] = exits(3);
  run.runners.ends[{0, 2}] = std::nullopt;
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 0", "start 0", "start 1"});
  CHECK(run.runners.orders[2].attempt == 3);
  CHECK(run.runners.orders[2].attempts == 3);
  CHECK(run.steps_of(0) == "queued queued done");
  CHECK(run.changes_of(0)[0].reason == "exit code 3; attempt 2 of 3 follows");
  CHECK(run.changes_of(0)[0].cause == Cause::exit);
  CHECK(run.changes_of(0)[1].cause == Cause::lost);
  CHECK(run.saver.discarded == std::vector<JobAttempt>{{0, 1}, {0, 2}});
  CHECK(run.traces.cleaned == std::vector<JobAttempt>{{0, 2}});
  CHECK(run.leases.given_back == Jobs{0, 0, 0, 1});
  CHECK(run.status() == Status::done);
}

TEST_CASE("a job that cannot be started is over, whatever may be retried") {
  auto plan = plan_of({{}, {}});
  plan.jobs[0].spec.retry = 2;
  FakeRun run(plan);
  run.runners.refused = {0};
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 1"});
  CHECK(run.last_of(0).cause == Cause::start);
  CHECK(run.last_of(0).reason == "no more processes");
  CHECK(run.traces.removed == std::vector<JobAttempt>{{0, 1}});
  CHECK(run.status() == Status::failed);
}

TEST_CASE("a job whose runner was killed keeps its artifacts, and nothing of it is left") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  run.runners.ends[{0, 1}] = std::nullopt;
  run.then_comes({running(0, 1)});
  REQUIRE(run.supervise());
  CHECK(run.traces.cleaned == std::vector<JobAttempt>{{0, 1}});
  CHECK(run.steps_of(0) == "running uploading failed");
  CHECK(run.last_of(0).cause == Cause::lost);
  CHECK(run.saver.originals.at(0) == store::Originals::stay);
}

TEST_CASE(
    "a job that did not make its artifact has failed, is not tried again, and stops what needs "
    "it") {
  auto plan = plan_of({{}, {0}});
  plan.jobs[0].spec.artifacts = {"model"};
  plan.jobs[0].spec.retry = 2;
  FakeRun run(plan);
  run.saver.missing[0] = "it did not make 'model'";
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0"});
  CHECK(run.last_of(0).status == Status::failed);
  CHECK(run.last_of(0).cause == Cause::artifact);
  CHECK(run.last_of(0).exit_code == 0);
  CHECK(run.last_of(0).reason == "it did not make 'model'");
  CHECK(run.last_of(1).status == Status::skipped);
  CHECK(run.status() == Status::failed);
}

TEST_CASE("the messages of runners are recorded, but none of an attempt before") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.retry = 1;
  FakeRun run(plan);
  run.runners.ends[{0, 1}] = exits(1);
  run.then_comes({running(0, 1), running(0, 1), running(7, 1), "nonsense"});
  run.then_ends({0});
  run.then_comes({running(0, 1)});
  run.then_comes({running(0, 2)});
  REQUIRE(run.supervise());
  CHECK(run.steps_of(0) == "running queued running done");
}

TEST_CASE("a job gets its GPUs, its ports and its lease") {
  auto plan = plan_of({{}, {}});
  plan.jobs[1].spec.ports = 2;
  FakeRun run(plan);
  run.leases.gpus = {"GPU-1"};
  REQUIRE(run.supervise());
  const auto& environment = run.runners.orders[1].environment;
  CHECK(std::find(environment.begin(),
                  environment.end(),
                  std::pair<std::string, std::string>{"CUDA_VISIBLE_DEVICES", "GPU-1"}) !=
        environment.end());
  CHECK(run.runners.orders[1].ports == std::vector<std::uint16_t>{20010, 20011});
  CHECK(run.runners.leases == std::vector<int>{100, 101});
  CHECK(run.runners.reserved == 0);
}

TEST_CASE("a job that waits for its lease lets others go first, and says what it waits for") {
  FakeRun run(plan_of({{}, {}, {}}), 1);
  run.leases.waiting[0] = "waits for 2 GPUs";
  run.then_ends({1});
  run.then([&] {
    run.leases.waiting.clear();
    return Happened();
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 1", "start 2", "start 0"});
  CHECK(run.changes_of(0)[0].reason == "waits for 2 GPUs");
}

TEST_CASE("a job whose lease is refused fails") {
  FakeRun run(plan_of({{}, {}}));
  run.leases.refused[0] = "this machine has no GPU";
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 1"});
  CHECK(run.last_of(0).cause == Cause::start);
  CHECK(run.last_of(0).reason == "this machine has no GPU");
}

TEST_CASE("a stop of one workflow ends its jobs and what depends on it, and no other") {
  FakeRun run(plan_of({{}, {0}, {}, {}}), 2);
  run.then_asks(0, StopRequest::stop);
  run.then_comes({running(0, 1)});  // it keeps saying that it is being stopped
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "start 2", "stop 0", "start 3"});
  CHECK(run.steps_of(0) == "stopping stopped");
  CHECK(run.steps_of(1) == "queued skipped");
  CHECK(run.steps_of(2) == "done");
  CHECK(run.steps_of(3) == "queued done");
  CHECK(run.status() == Status::stopped);
}

TEST_CASE("a stop of the run ends what runs gracefully and what waits at once") {
  FakeRun run(plan_of({{}, {}, {}}), 1);
  run.then([&] {
    run.history.of_stops.assign(3, StopRequest::stop);
    Happened happened;
    happened.mail = {std::string(wake_message), std::string(wake_message)};
    return happened;
  });
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "stop 0"});
  CHECK(run.steps_of(1) == "queued stopped");
  CHECK(run.last_of(1).reason == "stopped before it began");
  CHECK(run.status() == Status::stopped);
}

TEST_CASE("an abort after a stop ends a job at once, and nothing of it is stored") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  run.then_asks(0, StopRequest::stop);
  run.then_asks(0, StopRequest::abort);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "stop 0", "abort 0"});
  CHECK(run.steps_of(0) == "stopping aborting aborted");
  CHECK(run.saver.originals.empty());
  CHECK(run.status() == Status::aborted);
}

TEST_CASE("an abort while the artifacts of a job are stored ends that, and nothing of it is kept") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  run.then_ends({0});
  run.then_asks(0, StopRequest::abort);
  REQUIRE(run.supervise());
  CHECK(run.steps_of(0) == "uploading aborting aborted");
  CHECK(run.saver.given_up == std::vector<std::size_t>{0});
  CHECK(run.status() == Status::aborted);
}

TEST_CASE("a job that is stopped is not retried, not even one that fails by it") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.retry = 5;
  FakeRun run(plan);
  run.runners.ends[{0, 1}] = std::nullopt;
  run.then_asks(0, StopRequest::stop);
  REQUIRE(run.supervise());
  CHECK(run.runners.calls == Calls{"start 0", "stop 0"});
  CHECK(run.last_of(0).status == Status::failed);
}

TEST_CASE("a run whose events fail is given up, with the reason") {
  FakeRun run(plan_of({{}}));
  run.leases.waiting[0] = "waits for ever";
  const auto over = run.supervise();
  REQUIRE_FALSE(over);
  CHECK(over.error().message == "the supervisor waits for nothing");
}

TEST_CASE("what holds up a runner is the reason of its job until that is over") {
  FakeRun run(plan_of({{}}));
  using Kind = TroubleMessage::Kind;
  run.then_comes({running(0, 1), render(TroubleMessage{0, 1, Kind::waits, "disk full: x"})});
  run.then_comes({render(TroubleMessage{0, 1, Kind::waits, ""})});
  run.then_comes({render(TroubleMessage{0, 2, Kind::waits, "of another attempt"})});
  REQUIRE(run.supervise());
  CHECK(run.steps_of(0) == "running running running done");
  CHECK(run.changes_of(0)[1].reason == "disk full: x");
  CHECK(run.changes_of(0)[2].reason.empty());
  CHECK(run.last_of(0).reason.empty());
}

TEST_CASE("a runner that gave up before it began its job has not started it, and says why") {
  FakeRun run(plan_of({{}, {0}}));
  run.runners.ends[{0, 1}] = std::nullopt;
  run.then_comes({render(TroubleMessage{0, 1, TroubleMessage::Kind::gives_up, "no room for 'x'"})});
  REQUIRE(run.supervise());
  CHECK(run.last_of(0).cause == Cause::start);
  CHECK(run.last_of(0).reason == "no room for 'x'");
  CHECK(run.traces.cleaned.empty());
  CHECK(run.steps_of(1) == "queued skipped");
}

TEST_CASE("a record that cannot be read makes a job lost with that reason") {
  FakeRun run(plan_of({{}}));
  run.runners.unreadable = {0};
  REQUIRE(run.supervise());
  CHECK(run.last_of(0).cause == Cause::lost);
  CHECK_THAT(run.last_of(0).reason, Catch::Contains("exit.json': Too many open files"));
}

TEST_CASE("a stop that comes as a message is carried out, and recorded") {
  FakeRun run(plan_of({{}, {}, {}}), 1);
  const auto request = GENERATE(StopRequest::stop, StopRequest::abort);
  run.then_comes({render(StopMessage{request, {}})});
  REQUIRE(run.supervise());
  CHECK(run.runners.calls ==
        Calls{"start 0", request == StopRequest::abort ? "abort 0" : "stop 0"});
  CHECK(run.status() == (request == StopRequest::abort ? Status::aborted : Status::stopped));
  std::size_t recorded = 0;
  for (const store::RunChanges& changes : run.recorder.all)
    for (const store::WorkflowStop& stop : changes.stops) {
      CHECK(stop.request == request);
      ++recorded;
    }
  CHECK(recorded == run.order.plan.workflows.size());
}

TEST_CASE("a stop ends the wait for room on the disk") {
  auto plan = plan_of({{}});
  plan.jobs[0].spec.artifacts = {"model"};
  FakeRun run(plan);
  run.then_ends({0});
  run.then_asks(0, StopRequest::stop);
  REQUIRE(run.supervise());
  CHECK(run.saver.not_waiting == Jobs{0});
}
