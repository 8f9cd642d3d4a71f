#include "dstack/run/schedule/attempts.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "support/catch.hpp"
#include "unit/run/schedule/plans.hpp"

#include <csignal>

using namespace dstack;
using namespace dstack::run;
using namespace dstack::run::test;
using job::Cause;
using job::Status;
using job::StopRequest;

namespace {

using Jobs = std::vector<std::size_t>;

End exited(std::size_t job, int code) {
  End end;
  end.job = job;
  end.record.number = code;
  return end;
}

End stopped(std::size_t job) {
  End end = exited(job, 0);
  end.record.stop = StopRequest::stop;
  return end;
}

Jobs jobs_of(const std::vector<End>& ends) {
  Jobs jobs;
  for (const End& end : ends)
    jobs.push_back(end.job);
  return jobs;
}

/// A plan with what judges it.
struct Bench {
  Bench(const std::vector<int>& masters, std::uint32_t retry)
      : plan(plan_with_masters(masters, retry)), gangs(plan), attempts(plan, gangs) {
    begin_all();
  }

  void begin_all() {
    for (std::size_t job = 0; job < plan.jobs.size(); ++job)
      attempts.begin(job);
  }

  Attempts::Verdict ended(const End& end, RetryPolicy policy = RetryPolicy::retry) {
    return attempts.ended(end, policy);
  }

  plan::Plan plan;
  Gangs gangs;
  Attempts attempts;
};

}  // namespace

TEST_CASE("a job is retried as often as it may be, and its last end counts") {
  Bench bench({-1}, 2);
  for (int i = 0; i < 2; ++i) {
    const auto verdict = bench.ended(exited(0, 3));
    CHECK(verdict.over.empty());
    CHECK(verdict.retry == Jobs{0});
    CHECK(verdict.failure.exit_code == 3);
    bench.begin_all();
  }
  const auto last = bench.ended(exited(0, 3));
  CHECK(jobs_of(last.over) == Jobs{0});
  CHECK(last.retry.empty());
}

TEST_CASE("what ended well, could not start, or was stopped is not retried") {
  Bench bench({-1}, 5);
  CHECK(bench.ended(exited(0, 0)).retry.empty());
  CHECK(bench.ended(stopped(0)).retry.empty());
  End unstarted = exited(0, 0);
  unstarted.record.outcome = ExitRecord::Outcome::not_started;
  CHECK(bench.ended(unstarted).retry.empty());
  End aborted = exited(0, 0);
  aborted.record.stop = StopRequest::abort;
  CHECK(bench.ended(aborted).retry.empty());
  CHECK(bench.ended(exited(0, 1), RetryPolicy::give_up).retry.empty());
}

TEST_CASE("a signal, a timeout, too little memory and a dead runner are retried") {
  for (const int kind : {0, 1, 2, 3}) {
    Bench bench({-1}, 1);
    End end = exited(0, 0);
    if (kind == 0) {
      end.record.outcome = ExitRecord::Outcome::signaled;
      end.record.number = SIGSEGV;
    }
    if (kind == 1)
      end.record.cause = Cause::timeout;  // it said that all was well, when it was ended
    if (kind == 2)
      end.record.cause = Cause::oom;
    end.lost = kind == 3;
    CHECK(bench.ended(end).retry == Jobs{0});
  }
}

TEST_CASE("without a retry each end of a gang counts at once, and the first failure is known") {
  Bench bench({-1, 0, 0}, 0);
  CHECK_FALSE(bench.attempts.failed_first(0));
  CHECK(jobs_of(bench.ended(exited(1, 0)).over) == Jobs{1});
  CHECK(jobs_of(bench.ended(exited(2, 7)).over) == Jobs{2});
  CHECK(bench.attempts.failed_first(0) == 2u);
  CHECK(jobs_of(bench.ended(exited(0, 1)).over) == Jobs{0});
  CHECK(bench.attempts.failed_first(0) == 2u);
}

TEST_CASE("a gang is retried whole, when all of it has ended") {
  Bench bench({-1, 0, 0}, 1);
  CHECK(bench.ended(exited(1, 0)).over.empty());
  CHECK(bench.attempts.holds(1));
  CHECK(bench.ended(exited(2, 7)).retry.empty());
  CHECK(bench.attempts.failed_first(1) == 2u);

  const auto verdict = bench.ended(stopped(0));

  CHECK(verdict.over.empty());
  CHECK(verdict.retry == Jobs{0, 1, 2});
  CHECK(verdict.failure.job == 2);
  CHECK_FALSE(bench.attempts.failed_first(0));
  CHECK_FALSE(bench.attempts.holds(1));
  bench.begin_all();
  CHECK(jobs_of(bench.ended(exited(1, 0)).over) == Jobs{1});
}

TEST_CASE("a gang that might have been retried is over when all of it ended well") {
  Bench bench({-1, 0}, 1);
  CHECK(bench.ended(exited(1, 0)).over.empty());
  CHECK(jobs_of(bench.ended(exited(0, 0)).over) == Jobs{1, 0});
}

TEST_CASE("a stop of the user sets free what was held of a gang") {
  Bench bench({-1, 0}, 3);
  CHECK(bench.ended(exited(1, 0)).over.empty());
  CHECK(jobs_of(bench.ended(stopped(0), RetryPolicy::give_up).over) == Jobs{1, 0});
}

TEST_CASE("a gang of which one could not start is over, whatever may be retried") {
  Bench bench({-1, 0}, 3);
  End unstarted = exited(1, 0);
  unstarted.record.outcome = ExitRecord::Outcome::not_started;
  CHECK(jobs_of(bench.ended(unstarted).over) == Jobs{1});
  CHECK(jobs_of(bench.ended(stopped(0)).over) == Jobs{0});
}

TEST_CASE("a gang of which an end is on record already is not retried") {
  Bench bench({-1, 0, 0}, 3);
  bench.attempts.restore_end(1, Status::done);
  bench.attempts.restore_end(2, Status::failed);
  CHECK(bench.attempts.failed_first(0) == 2u);
  CHECK(jobs_of(bench.ended(stopped(0)).over) == Jobs{0});
}

TEST_CASE("a job whose port was taken is given others, beside its own attempts, four times") {
  Bench bench({-1}, 0);
  End taken = exited(0, 0);
  taken.record.cause = Cause::port;
  taken.record.message = "port 20001 is the job's, but user 'nobody' listens there";
  for (int i = 0; i < 4; ++i) {
    CHECK(bench.ended(taken).retry == Jobs{0});
    CHECK(bench.attempts.why_other_ports(0) == taken.record.message);
    bench.begin_all();
  }
  const auto last = bench.ended(taken);
  CHECK(last.retry.empty());
  CHECK(jobs_of(last.over) == Jobs{0});
}

TEST_CASE("a port that was taken before the start is a cause of its own") {
  Bench bench({-1}, 0);
  End taken = exited(0, 0);
  taken.record.outcome = ExitRecord::Outcome::not_started;
  taken.record.cause = Cause::port;
  CHECK(outcome_of(taken).cause == Cause::port);
  CHECK(bench.ended(taken).retry == Jobs{0});
}
