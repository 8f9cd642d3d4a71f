#include "dstack/run/schedule/gang_policy.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "support/catch.hpp"
#include "unit/run/schedule/plans.hpp"

using namespace dstack;
using namespace dstack::run;
using namespace dstack::run::test;
using job::Status;
using job::StopRequest;

namespace {

using Jobs = std::vector<std::size_t>;

/// A plan of one workflow of which all jobs have started.
struct Bench {
  explicit Bench(const std::vector<int>& masters, std::uint32_t retry = 0)
      : plan(plan_with_masters(masters, retry)),
        scheduler(plan, masters.size()),
        attempts(plan, scheduler.gangs()),
        policy(scheduler, attempts) {
    for (const std::size_t job : scheduler.take_startable())
      attempts.begin(job);
  }

  void ended(std::size_t job, int code) {
    End end;
    end.job = job;
    end.record.number = code;
    for (const End& over : attempts.ended(std::move(end), RetryPolicy::retry).over)
      scheduler.ended(over.job, outcome_of(over).status);
  }

  plan::Plan plan;
  Scheduler scheduler;
  Attempts attempts;
  GangPolicy policy;
};

store::JobChange outcome(std::size_t job, Status status) {
  store::JobChange change;
  change.job = job;
  change.status = status;
  return change;
}

}  // namespace

TEST_CASE("nothing has to be stopped before one of a gang has failed, and never outside of it") {
  Bench bench({-1, 0, 0, -1});
  CHECK(bench.policy.to_stop_with(0).empty());
  bench.ended(1, 0);
  CHECK(bench.policy.to_stop_with(1).empty());
  bench.ended(3, 1);
  CHECK(bench.policy.to_stop_with(3).empty());
  bench.ended(2, 1);
  CHECK(bench.policy.to_stop_with(2) == Jobs{0});
}

TEST_CASE("what is over, held back or being stored is not stopped with its gang") {
  Bench bench({-1, 0, 0, 0}, 1);
  bench.ended(1, 0);  // held back, for the gang may be retried
  bench.ended(2, 1);
  bench.scheduler.set_status(3, Status::uploading);
  CHECK(bench.policy.is_over(1));
  CHECK_FALSE(bench.policy.is_over(0));
  CHECK(bench.policy.to_stop_with(2) == Jobs{0});
  CHECK(bench.policy.unfinished(2) == 4);
}

TEST_CASE("a job was stopped for the first failure of its gang, unless a user had asked for it") {
  Bench bench({-1, 0});
  bench.ended(1, 1);
  const auto stopped = outcome(0, Status::stopped);
  CHECK(bench.policy.stopped_for(stopped, StopRequest::none) == 1u);
  CHECK_FALSE(bench.policy.stopped_for(stopped, StopRequest::stop));
  CHECK_FALSE(bench.policy.stopped_for(outcome(0, Status::done), StopRequest::none));
  CHECK(bench.policy.unfinished(0) == 1);
}
