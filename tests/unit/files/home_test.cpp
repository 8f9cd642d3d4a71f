#include "dstack/files/home.hpp"

#include "support/variables.hpp"
#include "unit/store/fixture.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::store;
using dstack::test::SetVariable;

TEST_CASE("the home is the folder that DSTACK_HOME names") {
  const SetVariable set("DSTACK_HOME", "/some/where/./else/..");

  CHECK(files::home_from_environment().root == Path("/some/where"));
}

TEST_CASE("the home is .dstack in the user's folder when DSTACK_HOME is empty") {
  const SetVariable set("DSTACK_HOME", "");
  const SetVariable user("HOME", "/users/me");

  CHECK(files::home_from_environment().root == Path("/users/me/.dstack"));
}

TEST_CASE("a relative DSTACK_HOME is taken from the current folder") {
  const SetVariable set("DSTACK_HOME", "state");

  CHECK(files::home_from_environment().root == fs::current_path() / "state");
}

TEST_CASE("preparing a home makes its folders and lets nobody else in") {
  const TemporaryFolder folder = make_test_folder();
  const files::Home home{folder.path() / "a" / "home"};

  require_ok(files::prepare_home(home));
  require_ok(files::prepare_home(home));

  struct stat status;
  REQUIRE(::stat(home.root.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  CHECK(fs::is_directory(home.temporary()));
  CHECK(fs::is_directory(home.runs()));
}

TEST_CASE("a home that cannot be written is refused with the variable that changes it") {
  if (::geteuid() == 0)
    SKIP("the superuser may write everywhere");
  const TemporaryFolder folder = make_test_folder();
  const files::Home home{folder.path() / "home"};
  fs::create_directory(home.root);
  ::chmod(home.root.c_str(), 0500);

  const auto prepared = files::prepare_home(home);

  REQUIRE_FALSE(prepared);
  CHECK(prepared.error().code == ErrorCode::unavailable);
  CHECK_THAT(prepared.error().message, Catch::Contains(home.root.string()));
  CHECK_THAT(prepared.error().hint, Catch::Contains("DSTACK_HOME"));
}

TEST_CASE("a file in the place of the home is refused with the variable that changes it") {
  const TemporaryFolder folder = make_test_folder();
  const files::Home home{folder.path() / "home"};
  write_file(home.root, "");

  const auto prepared = files::prepare_home(home);

  REQUIRE_FALSE(prepared);
  CHECK_THAT(prepared.error().message, Catch::Contains("Not a directory"));
  CHECK_THAT(prepared.error().hint, Catch::Contains("DSTACK_HOME"));
}
