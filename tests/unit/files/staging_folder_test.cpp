#include "dstack/files/staging_folder.hpp"

#include "dstack/files/home.hpp"
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

std::optional<files::StagingFolder> kept;  ///< of a child process: until it is killed

/// Makes a staging with a file in it; for another process.
auto maker(const files::Home& home) {
  return [&home] {
    auto staging = files::StagingFolder::make(home, "test");
    if (!staging || !write_file_atomically(staging->path() / "draft", "x", Durable::no))
      ::_exit(1);
    kept.emplace(*std::move(staging));
  };
}

}  // namespace

TEST_CASE("a staging folder goes with its object") {
  const TestHome t;
  {
    const files::StagingFolder staging = value_of(files::StagingFolder::make(t.home(), "test"));
    CHECK(fs::is_directory(staging.path()));
  }
  CHECK(fs::is_empty(t.home().temporary()));
}

TEST_CASE("what a dead process left is removed, and nothing of a living one") {
  const TestHome t;
  OtherProcess dead(maker(t.home()));
  const OtherProcess living(maker(t.home()));
  CHECK(count_in(t.home().temporary()) == 2);
  dead.kill();
  const files::StagingFolder mine = value_of(files::StagingFolder::make(t.home(), "test"));
  files::remove_abandoned_staging_folders(t.home());
  CHECK(count_in(t.home().temporary()) == 2);
  CHECK(fs::is_directory(mine.path()));
}

TEST_CASE("folders that are not staging folders are left alone, however old") {
  const TestHome t;
  fs::create_directories(t.home().temporary() / "mine");
  files::remove_abandoned_staging_folders(t.home());
  CHECK(fs::is_directory(t.home().temporary() / "mine"));
}
