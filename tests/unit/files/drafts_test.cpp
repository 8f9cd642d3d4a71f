#include "dstack/files/drafts.hpp"

#include "dstack/files/abandoned.hpp"
#include "support/other_process.hpp"
#include "unit/store/fixture.hpp"

#include <optional>

#include <unistd.h>

using namespace dstack;
using namespace dstack::store;
using dstack::test::OtherProcess;

namespace {

std::optional<files::Drafts> kept;  ///< of a child process: until it is killed

/// Leaves a draft in `folder`; for another process.
auto maker(const files::Home& home, const Path& folder) {
  return [&home, folder] {
    kept.emplace(home);
    if (!write_file_atomically(folder / kept->name_in(folder), "x", Durable::no))
      ::_exit(1);
  };
}

std::size_t count_in(const Path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("the name of a draft is of one kind alone") {
  CHECK(files::is_draft(".dstack-0123456789abcdef"));
  CHECK_FALSE(files::is_draft(".dstack"));
  CHECK_FALSE(files::is_draft(".dstack-"));
  CHECK_FALSE(files::is_draft(".dstack-0123456789abcde"));
  CHECK_FALSE(files::is_draft(".dstack-0123456789abcdeF"));
  CHECK_FALSE(files::is_draft(".dstack-0123456789abcdef0"));
  CHECK_FALSE(files::is_draft("xdstack-0123456789abcdef"));
}

TEST_CASE("drafts of a dead process are removed, and none of a living one") {
  const TestHome t;
  const Path of_dead = t.home().root / "of dead\nprocess";
  const Path of_living = t.home().root / "of-living";
  fs::create_directories(t.home().temporary());
  fs::create_directories(of_dead);
  fs::create_directories(of_living);
  OtherProcess dead(maker(t.home(), of_dead));
  const OtherProcess living(maker(t.home(), of_living));
  REQUIRE(count_in(of_dead) == 1);
  dead.kill();
  files::remove_abandoned(t.home());
  CHECK(count_in(of_dead) == 0);
  CHECK(count_in(of_living) == 1);
  CHECK(count_in(t.home().temporary()) == 1);  // the record of the living one
}

TEST_CASE("a record that is empty or torn removes nothing, and goes") {
  const TestHome t;
  const Path folder = t.home().root / "folder";
  fs::create_directories(t.home().temporary());
  fs::create_directories(folder / "child");
  const std::string name = ".dstack-0123456789abcdef";
  const std::string text = GENERATE_COPY(std::string(),
                                         name,
                                         std::string("child\0", 6),
                                         std::string(".\0", 2) + folder.string() + '\0',
                                         name + '\0' + folder.string());
  const Path record = t.home().temporary() / (std::string(files::drafts_prefix) + "abcdef");
  REQUIRE(write_file_atomically(record, text, Durable::no));
  REQUIRE(write_file_atomically(folder / name, "x", Durable::no));
  files::remove_abandoned(t.home());
  CHECK(fs::exists(folder / name));
  CHECK(fs::exists(folder / "child"));
  CHECK_FALSE(fs::exists(record));
}

TEST_CASE("a home without tmp/ has no record, and its drafts have a name all the same") {
  const TestHome t;
  REQUIRE(remove_tree(t.home().temporary()));
  files::Drafts drafts(t.home());
  CHECK(files::is_draft(drafts.name_in("/somewhere")));
}
