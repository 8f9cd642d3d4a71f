#include "dstack/resources/cores.hpp"

#include "support/catch.hpp"
#include "support/wait.hpp"

#include <set>

using namespace dstack::resources;

TEST_CASE("no two hold the same processor, and who cannot have as many as it wants has none") {
  // Others on this machine may hold some: then there are fewer, and never the same.
  std::vector<Cores> all;
  std::set<int> held;
  for (;;) {
    Cores one = Cores::take(1);
    if (one.numbers().empty())
      break;
    CHECK(held.insert(one.numbers().front()).second);
    all.push_back(std::move(one));
  }
  if (all.empty())
    SKIP("jobs elsewhere on this machine have all processors");
  CHECK(Cores::take(CPU_SETSIZE + 1).numbers().empty());
  for (Cores& one : all)
    one.release();
  dstack::test::wait_until([] { return !Cores::take(1).numbers().empty(); });
}

TEST_CASE(
    "what is started meanwhile runs on the processors that were taken, and nothing after it") {
  cpu_set_t before;
  cpu_set_t inside;
  cpu_set_t after;
  REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
  Cores cores = Cores::take(1);
  if (cores.numbers().empty())
    SKIP("jobs elsewhere on this machine have all processors");
  cores.enter();
  ::sched_getaffinity(0, sizeof inside, &inside);
  cores.leave();
  ::sched_getaffinity(0, sizeof after, &after);
  CHECK(CPU_COUNT(&inside) == 1);
  CHECK(CPU_ISSET(static_cast<std::size_t>(cores.numbers().front()), &inside));
  CHECK(CPU_EQUAL(&before, &after));
}
