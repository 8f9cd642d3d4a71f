// What one process relies on is not removed by another.
#include "dstack/store/objects/pins.hpp"

#include "unit/store/space/saved_runs.hpp"

#include <signal.h>
#include <sys/wait.h>

using namespace dstack;
using namespace dstack::store;

TEST_CASE("what was captured stays until its capturer is gone") {
  const TestHome test;
  SavedRuns runs(test.home());
  runs.save("a-a-1", {{"a", "kept"}});
  {
    ObjectStore objects(test.home());
    SavedRuns::capture(objects, {{"b", "not on record yet"}});

    runs.collect();

    CHECK(runs.holds("not on record yet"));
  }
  runs.collect();
  CHECK_FALSE(runs.holds("not on record yet"));
}

TEST_CASE("a tree that is held stays with all below it, though its run is removed") {
  const TestHome test;
  SavedRuns runs(test.home());
  const RunId run = runs.save("a-a-1", {{"a/b/c", "deep"}, {"d", "flat"}});
  const auto tree = value_of(test.open().find_run("a-a-1"))->code.snapshot;
  {
    const ObjectStore reader(test.home());
    require_ok(reader.hold(tree));

    runs.remove(run);
    runs.collect();

    CHECK(value_of(reader.list(tree)).size() == 2);
    CHECK(runs.holds("deep"));
  }
  runs.collect();
  CHECK_FALSE(runs.holds("deep"));
  CHECK(failure_of(ObjectStore(test.home()).hold(tree)).code == ErrorCode::not_found);
}

TEST_CASE("the pins of a process that was killed hold nothing") {
  const TestHome test;
  SavedRuns runs(test.home());
  runs.save("a-a-1", {{"a", "kept"}});
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ObjectStore objects(test.home());
    SavedRuns::capture(objects, {{"b", "of a dead process"}});
    (void)!::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  runs.collect();
  CHECK(runs.holds("of a dead process"));

  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  runs.collect();

  CHECK_FALSE(runs.holds("of a dead process"));
  for (fs::directory_iterator each(test.home().temporary()), end; each != end; ++each)
    CHECK_THAT(each->path().filename().string(), !Catch::StartsWith("pins-"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("more pins than one page holds are all seen") {
  const TestHome test;
  test.open();
  Pins pins(test.home());
  PinReader reader(test.home());
  std::set<Digest> all;
  for (int i = 0; i < 1000; ++i) {
    const Digest digest = sha256(std::to_string(i));
    pins.add({i % 2 == 0 ? Pin::What::object : Pin::What::tree, digest});
    all.insert(digest);
    if (i == 300)
      CHECK(value_of(reader.read_new()).size() == 301);
  }

  for (const Pin& pin : value_of(PinReader(test.home()).read_new()))
    CHECK(all.erase(pin.digest) == 1);
  CHECK(all.empty());
  CHECK(value_of(reader.read_new()).size() == 699);
}
