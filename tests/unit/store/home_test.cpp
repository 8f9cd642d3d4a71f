#include "dstack/store/home.hpp"

#include "dstack/store/records.hpp"
#include "support/variables.hpp"
#include "unit/store/fixture.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::store;
using dstack::test::SetVariable;

TEST_CASE("the home is the folder that DSTACK_HOME names") {
  const SetVariable set("DSTACK_HOME", "/some/where/./else/..");

  CHECK(home_from_environment().root == Path("/some/where"));
}

TEST_CASE("the home is .dstack in the user's folder when DSTACK_HOME is empty") {
  const SetVariable set("DSTACK_HOME", "");
  const SetVariable user("HOME", "/users/me");

  CHECK(home_from_environment().root == Path("/users/me/.dstack"));
}

TEST_CASE("a relative DSTACK_HOME is taken from the current folder") {
  const SetVariable set("DSTACK_HOME", "state");

  CHECK(home_from_environment().root == fs::current_path() / "state");
}

TEST_CASE("preparing a home makes its folders and lets nobody else in") {
  const TemporaryFolder folder = make_test_folder();
  const Home home{folder.path() / "a" / "home"};

  require_ok(prepare_home(home));
  require_ok(prepare_home(home));

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
  const Home home{folder.path() / "home"};
  fs::create_directory(home.root);
  ::chmod(home.root.c_str(), 0500);

  const auto prepared = prepare_home(home);

  REQUIRE_FALSE(prepared);
  CHECK(prepared.error().code == ErrorCode::unavailable);
  CHECK_THAT(prepared.error().message, Catch::Contains(home.root.string()));
  CHECK_THAT(prepared.error().hint, Catch::Contains("DSTACK_HOME"));
}

TEST_CASE("a home that cannot be read is not taken for an empty one") {
  const TemporaryFolder folder = make_test_folder();
  const Home home{folder.path() / "home"};
  const auto refusal = [&] {
    const auto records = Records::open(home, Records::Mode::read_only);
    return records ? "opened" : records.error().message + "; " + records.error().hint;
  };
  CHECK(refusal() == "opened");
  write_file(home.root, "");
  CHECK_THAT(refusal(), Catch::Contains("Not a directory") && Catch::Contains("DSTACK_HOME"));
  if (::geteuid() == 0)
    return;  // may read everything
  fs::remove(home.root);
  require_ok(prepare_home(home));
  ::chmod(home.root.c_str(), 0);
  CHECK_THAT(refusal(), Catch::Contains("Permission denied") && Catch::Contains("DSTACK_HOME"));
  ::chmod(home.root.c_str(), 0700);
}

TEST_CASE("a file in the place of the home is refused with the variable that changes it") {
  const TemporaryFolder folder = make_test_folder();
  const Home home{folder.path() / "home"};
  write_file(home.root, "");

  const auto prepared = prepare_home(home);

  REQUIRE_FALSE(prepared);
  CHECK_THAT(prepared.error().message, Catch::Contains("Not a directory"));
  CHECK_THAT(prepared.error().hint, Catch::Contains("DSTACK_HOME"));
}
