// That a refusal is noticed is tested in tests/fault.
#include "dstack/files/locks.hpp"

#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <fcntl.h>

using namespace dstack;

TEST_CASE("trying locks leaves nothing behind") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  CHECK(files::try_locks_in(folder.path()));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a folder in which nothing can be written is not judged") {
  CHECK(files::try_locks_in("/no/such/folder"));
  CHECK(files::try_locks_in("/proc"));
}

TEST_CASE("a lock that is refused is an error with the path and the way out") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  // Opened as a path only, it cannot be locked.
  const auto file = open_file(folder.path().string(), O_PATH);
  REQUIRE(file);
  const Error error = test::failure_of(lock_exclusive(file->get(), Wait::no));
  CHECK(error.code == ErrorCode::unavailable);
  CHECK(error.message ==
        "cannot lock '" + real_path(folder.path()).string() + "': Bad file descriptor");
  CHECK(error.hint.find("set DSTACK_HOME to a folder on a local disk") != std::string::npos);
}
