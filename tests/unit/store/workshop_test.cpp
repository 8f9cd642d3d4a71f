#include "dstack/store/workshop.hpp"

#include "support/other_process.hpp"
#include "unit/store/fixture.hpp"

#include <optional>

#include <unistd.h>

using namespace dstack;
using namespace dstack::store;
using dstack::test::OtherProcess;

namespace {

std::size_t count_in(const Path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::optional<Workshop> kept;  ///< of a child process: until it is killed

/// Makes a workshop with a file in it; for another process.
auto maker(const Home& home) {
  return [&home] {
    auto workshop = Workshop::make(home, "test");
    if (!workshop || !write_file_atomically(workshop->path() / "draft", "x", Durable::no))
      ::_exit(1);
    kept.emplace(*std::move(workshop));
  };
}

}  // namespace

TEST_CASE("a workshop goes with its object") {
  const TestHome t;
  {
    const Workshop workshop = value_of(Workshop::make(t.home(), "test"));
    CHECK(fs::is_directory(workshop.path()));
  }
  CHECK(fs::is_empty(t.home().temporary()));
}

TEST_CASE("what a dead process left is removed by the next, and nothing of a living one") {
  const TestHome t;
  OtherProcess dead(maker(t.home()));
  const OtherProcess living(maker(t.home()));
  CHECK(count_in(t.home().temporary()) == 2);
  dead.kill();
  const Workshop mine = value_of(Workshop::make(t.home(), "test"));
  CHECK(count_in(t.home().temporary()) == 2);
  remove_abandoned_workshops(t.home());
  CHECK(fs::is_directory(mine.path()));
}

TEST_CASE("folders that are no workshops are left alone, however old") {
  const TestHome t;
  fs::create_directories(t.home().temporary() / "mine");
  remove_abandoned_workshops(t.home());
  CHECK(fs::is_directory(t.home().temporary() / "mine"));
}
