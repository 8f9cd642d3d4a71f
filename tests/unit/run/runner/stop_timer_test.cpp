// When a job is asked to stop and when it is killed, at given times: no process is started.
#include "dstack/run/runner/stop_timer.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Step = StopTimer::Step;

const StopTimer::Clock::time_point start{std::chrono::hours(1)};

JobOrder order_of(milliseconds timeout, milliseconds grace = seconds(10)) {
  JobOrder order;
  order.spec.timeout = std::chrono::duration_cast<decltype(order.spec.timeout)>(timeout);
  order.stop_grace = grace;
  return order;
}

}  // namespace

TEST_CASE("a job without a timeout runs until something happens") {
  const StopTimer timer(order_of(milliseconds(0)), start);
  CHECK(timer.due(start + std::chrono::hours(1000), false) == Step::none);
  CHECK_FALSE(timer.next(start));
  CHECK_FALSE(timer.is_ending());
}

TEST_CASE("a job is timed out when its timeout has passed, and not before") {
  StopTimer timer(order_of(seconds(60)), start);
  CHECK(timer.next(start) == start + seconds(60));
  CHECK(timer.due(start + milliseconds(59'999), false) == Step::none);
  CHECK(timer.due(start + seconds(60), false) == Step::time_out);
}

TEST_CASE("a job that was asked to stop is killed after its grace, whatever its timeout") {
  StopTimer timer(order_of(seconds(60), seconds(5)), start);
  const auto asked = start + seconds(58);
  timer.begin_grace(asked);
  CHECK(timer.is_ending());
  CHECK(timer.next(asked) == asked + seconds(5));
  CHECK(timer.due(start + seconds(60), false) == Step::none);
  CHECK(timer.due(asked + seconds(5), false) == Step::kill);
}

TEST_CASE("a job that is asked to stop once more gets a new grace") {
  StopTimer timer(order_of(milliseconds(0), seconds(5)), start);
  timer.begin_grace(start);
  timer.begin_grace(start + seconds(4));
  CHECK(timer.due(start + seconds(5), false) == Step::none);
  CHECK(timer.due(start + seconds(9), false) == Step::kill);
}

TEST_CASE("what a job left running is asked to stop once, and killed after the grace") {
  StopTimer timer(order_of(seconds(60), seconds(5)), start);
  CHECK(timer.due(start + seconds(1), true) == Step::end_rest);
  timer.rest_is_asked(start + seconds(1));
  CHECK(timer.due(start + seconds(2), true) == Step::none);
  CHECK(timer.due(start + seconds(6), true) == Step::kill);
}

TEST_CASE("a job whose own process has ended does not exceed its timeout") {
  const StopTimer timer(order_of(seconds(60)), start);
  CHECK(timer.due(start + seconds(61), true) == Step::end_rest);
}

TEST_CASE(
    "who ignores the job's own signal is asked by TERM when the job's own process has ended") {
  JobOrder order = order_of(milliseconds(0), seconds(5));
  for (const std::string signal : {"INT", "TERM", ""}) {
    order.spec.stop_signal = signal;
    StopTimer timer(order, start);
    timer.begin_grace(start);
    CHECK(timer.due(start + seconds(1), false) == Step::none);
    CHECK(timer.due(start + seconds(1), true) == (signal == "INT" ? Step::end_rest : Step::none));
    timer.rest_is_asked(start + seconds(1));
    CHECK(timer.due(start + seconds(2), true) == Step::none);
    CHECK(timer.due(start + seconds(5), true) == Step::kill);
  }
}

TEST_CASE("a job without a grace is killed at once") {
  StopTimer timer(order_of(milliseconds(0), milliseconds(0)), start);
  timer.begin_grace(start);
  CHECK(timer.due(start, false) == Step::kill);
}

TEST_CASE("killing goes on every few milliseconds until nothing is left") {
  StopTimer timer(order_of(seconds(60)), start);
  timer.kill();
  CHECK(timer.is_ending());
  for (int i = 0; i < 3; ++i) {
    const auto now = start + seconds(i);
    CHECK(timer.due(now, i > 0) == Step::kill);
    CHECK(timer.next(now) == now + milliseconds(10));
  }
  timer.begin_grace(start);  // a stop that comes later changes nothing
  CHECK(timer.due(start, false) == Step::kill);
}

TEST_CASE("the agent of a container has time to remove it after the grace") {
  JobOrder order = order_of(milliseconds(0), seconds(5));
  order.spec.container.emplace();
  StopTimer timer(order, start);
  timer.begin_grace(start);
  CHECK(timer.due(start + seconds(24), false) == Step::none);
  CHECK(timer.due(start + seconds(25), false) == Step::kill);
}
