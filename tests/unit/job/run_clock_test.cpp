#include "dstack/job/run_clock.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::job;
using std::chrono::milliseconds;

namespace {

Timestamp wall(std::int64_t seconds) {
  return Timestamp(std::chrono::seconds(seconds));
}

constexpr std::int64_t year = 31'536'000;
constexpr std::int64_t today = 1'800'000'000;

/// Submitted today, when the machine had been awake for 100 seconds.
const RunClock clock_of_run{"this boot", milliseconds(100'000)};
const Moment submission{wall(today)};

/// When the machine has been awake for so long.
ClockReading reading(std::int64_t wall_seconds, std::int64_t awake_seconds) {
  return {"this boot", wall(wall_seconds), std::chrono::seconds(awake_seconds)};
}

}  // namespace

TEST_CASE("what elapses of a run does not depend on the wall clock") {
  for (const std::int64_t jump : {std::int64_t{0}, year, -year, -2 * today}) {
    const Moment moment = moment_of(reading(today + jump, 107), clock_of_run, submission);
    CHECK(moment.elapsed == milliseconds(7'000));
    CHECK(moment.at == wall(today + jump));
  }
}

TEST_CASE("what goes on lasts until now by the monotonic clock, and what is over until its end") {
  const Moment begin{wall(today), milliseconds(2'000)};
  const ClockReading now = reading(today - year, 107);
  CHECK(duration(begin, {}, clock_of_run, now) == milliseconds(5'000));
  CHECK(duration(begin, Moment{wall(today - year), milliseconds(2'500)}, clock_of_run, now) ==
        milliseconds(500));
}

TEST_CASE("a duration is never negative") {
  const Moment begin{wall(today), milliseconds(9'000)};
  const ClockReading now = reading(today, 107);  // of another time namespace, as it seems
  CHECK(duration(begin, {}, clock_of_run, now) == milliseconds(0));
  CHECK(duration(begin, Moment{wall(today), milliseconds(8'000)}, clock_of_run, now) ==
        milliseconds(0));
}

TEST_CASE("a process that shares the clock's boot knows what has elapsed by now") {
  CHECK_FALSE(elapsed_now(RunClock{}));
  CHECK(*elapsed_now({"this boot", monotonic_now() - std::chrono::hours(1)}) >=
        std::chrono::hours(1));
  CHECK(elapsed_now({"this boot", monotonic_now() + std::chrono::hours(1)}) == milliseconds(0));
}

TEST_CASE("in another boot the wall clock says what has elapsed since the last known moment") {
  const Moment last{wall(today + 60), milliseconds(60'000)};
  ClockReading now = reading(today + 90, 3);
  now.boot = "the next boot";
  CHECK(moment_of(now, clock_of_run, last).elapsed == milliseconds(90'000));

  SECTION("nothing where it was set back") {
    now.wall = wall(today - year);
    CHECK(moment_of(now, clock_of_run, last).elapsed == milliseconds(60'000));
  }
  SECTION("likewise for a run whose boot is unknown") {
    CHECK(moment_of(now, RunClock{}, last).elapsed == milliseconds(90'000));
    now.boot.clear();
    CHECK(moment_of(now, RunClock{}, last).elapsed == milliseconds(90'000));
  }
}

TEST_CASE(
    "a clock that goes on in another boot agrees with what was known, and with later readings") {
  const Moment last{wall(today + 60), milliseconds(60'000)};
  ClockReading now = reading(today + 90, 3);
  now.boot = "the next boot";

  const RunClock clock = continued(clock_of_run, now, last);

  CHECK(clock.boot == "the next boot");
  CHECK(moment_of(now, clock, submission).elapsed == milliseconds(90'000));
  now.monotonic += std::chrono::seconds(5);
  now.wall = wall(today + year);
  CHECK(moment_of(now, clock, submission).elapsed == milliseconds(95'000));
}
