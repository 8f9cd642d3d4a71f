#include "dstack/run/runner/order_queue.hpp"

#include "dstack/run/protocol/descriptor_message.hpp"
#include "support/results.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::run;

namespace {

/// Puts the mask and the handling of signals back, which RunnerSignals changes for good.
struct SignalsOfTest {
  sigset_t before;

  SignalsOfTest() { ::sigprocmask(SIG_SETMASK, nullptr, &before); }

  SignalsOfTest(const SignalsOfTest&) = delete;
  SignalsOfTest& operator=(const SignalsOfTest&) = delete;

  ~SignalsOfTest() {
    ::signal(SIGPIPE, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
  }
};

struct Idle {
  SignalsOfTest of_test;
  RunnerSignals signals = dstack::test::value_of(RunnerSignals::open());
  std::pair<Fd, Fd> ends = *make_message_socket();
  OrderQueue orders{std::move(ends.second), signals};

  Result<void> give() const {
    JobOrder order;
    order.spec.commands = {"true"};
    const Fd text = *hand_over_order(render_job_order(order));
    return give_order(ends.first.get(), text.get(), text.get());
  }
};

}  // namespace

TEST_CASE("a signal to a runner without a job ends it, and no order is lost by that") {
  const Idle idle;
  ::kill(::getpid(), SIGTERM);
  CHECK_FALSE(dstack::test::value_of(idle.orders.next()));
  CHECK_FALSE(idle.give());
  CHECK(idle.signals.take() == SIGTERM);
}

TEST_CASE("a signal that comes after an order is for its job") {
  const Idle idle;
  REQUIRE(idle.give());
  ::kill(::getpid(), SIGTERM);
  CHECK(dstack::test::value_of(idle.orders.next()));
  CHECK(idle.signals.take() == SIGTERM);
}

TEST_CASE("a runner that is sent nothing for a while ends, and takes no order any more") {
  const Idle idle;
  CHECK_FALSE(dstack::test::value_of(idle.orders.next()));
  CHECK_FALSE(idle.give());
}

TEST_CASE("a supervisor that ends leaves the order that it has sent, and no other") {
  Idle idle;
  REQUIRE(idle.give());
  idle.ends.first.reset();
  CHECK(dstack::test::value_of(idle.orders.next()));
  CHECK_FALSE(dstack::test::value_of(idle.orders.next()));
  CHECK_FALSE(idle.orders.say_ready());
}
