#include "dstack/run/protocol/order_socket.hpp"

#include "dstack/run/protocol/descriptor_message.hpp"
#include "support/results.hpp"

#include <functional>

#include <fcntl.h>

using namespace dstack;
using namespace dstack::run;

namespace {

JobOrder plain_order() {
  JobOrder order;
  order.spec.commands = {"true"};
  order.environment = {{"HOME", "/"}};
  return order;
}

/// An order on its way, with a lock that nobody here holds any more.
struct Sent {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path());
  std::pair<Fd, Fd> ends = *make_message_socket();

  Sent() {
    const Fd lock = open_lock();
    REQUIRE(*lock_exclusive(lock.get(), Wait::no));
    const Fd text = *hand_over_order(render_job_order(plain_order()));
    REQUIRE(give_order(ends.first.get(), text.get(), lock.get()));
  }

  Fd open_lock() const { return *open_file((folder.path() / "lock").string(), O_RDWR | O_CREAT); }

  bool is_locked() const { return !*lock_exclusive(open_lock().get(), Wait::no); }
};

}  // namespace

TEST_CASE("a job is plain unless something is held, made, hidden or started for it first") {
  CHECK(is_plain(plain_order()));
  const std::vector<std::function<void(JobOrder&)>> changes = {
      [](JobOrder& order) { order.spec.container.emplace(); },
      [](JobOrder& order) { order.spec.native = Json::object(); },
      [](JobOrder& order) { order.spec.python.emplace(); },
      [](JobOrder& order) { order.spec.tools = {"code-server"}; },
      [](JobOrder& order) { order.spec.apps.emplace_back(); },
      [](JobOrder& order) { order.spec.ports = 1; },
      [](JobOrder& order) { order.spec.token = "TOKEN"; },
      [](JobOrder& order) { order.spec.master = 0; },
      [](JobOrder& order) { order.spec.resources.cpu = 1; },
      [](JobOrder& order) { order.spec.resources.memory = 1; },
      [](JobOrder& order) { order.gpus = {"GPU-aa"}; },
      [](JobOrder& order) {
        order.links = {{"data", "/data"}};
      },
      [](JobOrder& order) { order.secrets = {"KEY"}; },
      [](JobOrder& order) { order.secret_variables = {"KEY"}; },
      [](JobOrder& order) { order.env_files.emplace_back(); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    JobOrder order = plain_order();
    changes[i](order);
    CHECK_FALSE(is_plain(order));
  }
}

TEST_CASE("an order arrives with the lock of its job, which its receiver holds") {
  Sent sent;
  CHECK(sent.is_locked());
  auto given = test::value_of(take_given_order(sent.ends.second.get()));
  REQUIRE(given);
  CHECK(given->order == plain_order());
  CHECK(sent.is_locked());
  given->lock.reset();
  CHECK_FALSE(sent.is_locked());
}

TEST_CASE("an order outlives its sender, and its lock ends with a receiver that never took it") {
  Sent sent;
  sent.ends.first.reset();
  CHECK(sent.is_locked());
  SECTION("it is taken") {
    CHECK(test::value_of(take_given_order(sent.ends.second.get())));
    CHECK_FALSE(test::value_of(take_given_order(sent.ends.second.get())));
  }
  SECTION("it is not") {
    sent.ends.second.reset();
    CHECK_FALSE(sent.is_locked());
  }
}

TEST_CASE("an order arrives from a sender that was closed with a word unread") {
  Sent sent;
  REQUIRE(say_ready(sent.ends.second.get()));
  sent.ends.first.reset();
  CHECK(test::value_of(take_given_order(sent.ends.second.get())));
  CHECK_FALSE(test::value_of(take_given_order(sent.ends.second.get())));
}

TEST_CASE("a runner says for each order that it is ready, and that it ends by ending") {
  Sent sent;
  const int supervisor = sent.ends.first.get();
  CHECK(take_state(supervisor) == RunnerState::busy);
  CHECK(say_ready(sent.ends.second.get()));
  CHECK(take_state(supervisor) == RunnerState::ready);
  CHECK(take_state(supervisor) == RunnerState::busy);
  sent.ends.second.reset();
  CHECK(take_state(supervisor) == RunnerState::gone);
  const Fd text = *hand_over_order("");
  CHECK_FALSE(give_order(supervisor, text.get(), text.get()));
}

TEST_CASE("a runner that has said that it is ready and then ended has said both") {
  auto ends = *make_message_socket();
  CHECK(say_ready(ends.second.get()));
  ends.second.reset();
  CHECK(take_state(ends.first.get()) == RunnerState::ready);
  CHECK(take_state(ends.first.get()) == RunnerState::gone);
}
