// Small things around the system: events, variables of the environment, texts of paths.
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/event.hpp"
#include "dstack/base/path.hpp"
#include "support/catch.hpp"

#include <cstdlib>

#include <poll.h>

using namespace dstack;

namespace {

bool is_readable(const Event& event) {
  pollfd polled{event.fd(), POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

}  // namespace

TEST_CASE("an event is readable from its setting to its taking, however often it was set") {
  auto event = Event::make();
  REQUIRE(event);
  CHECK_FALSE(is_readable(*event));
  CHECK_FALSE(event->take());
  event->set();
  event->set();
  CHECK(is_readable(*event));
  CHECK(event->take());
  CHECK_FALSE(is_readable(*event));
  CHECK_FALSE(event->take());
}

TEST_CASE("an event that is none does nothing") {
  const Event none;
  CHECK_FALSE(none);
  CHECK(none.fd() == -1);
  none.set();
  CHECK_FALSE(none.take());
}

TEST_CASE("a variable may be set, set to nothing, or not set") {
  ::setenv("DSTACK_TEST_VARIABLE", "a", 1);
  CHECK(environment_variable("DSTACK_TEST_VARIABLE") == "a");
  CHECK(nonempty_environment_variable("DSTACK_TEST_VARIABLE") == "a");
  ::setenv("DSTACK_TEST_VARIABLE", "", 1);
  CHECK(environment_variable("DSTACK_TEST_VARIABLE") == "");
  CHECK_FALSE(nonempty_environment_variable("DSTACK_TEST_VARIABLE"));
  ::unsetenv("DSTACK_TEST_VARIABLE");
  CHECK_FALSE(environment_variable("DSTACK_TEST_VARIABLE"));
}

TEST_CASE("a path is below a folder when it is the folder or goes on behind a slash") {
  CHECK(is_below("a/b", "a"));
  CHECK(is_below("a", "a"));
  CHECK_FALSE(is_below("ab", "a"));
  CHECK_FALSE(is_below("a", "a/b"));
  CHECK_FALSE(is_below("a", ""));
  CHECK(is_below("/a", "/"));
  CHECK(is_below("/", "/"));
  CHECK_FALSE(is_below("a", "/"));
}

TEST_CASE("the folder from which another is seen as a path is above it") {
  CHECK(root_above("/x/mono/app", "app") == "/x/mono");
  CHECK(root_above("/x/mono/services/a", "services/a") == "/x/mono");
  CHECK(root_above("/app", "app") == "/");
  CHECK(root_above("/x/app", "") == "/x/app");
}
