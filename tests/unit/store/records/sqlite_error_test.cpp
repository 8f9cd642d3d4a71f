#include "dstack/store/records/sqlite_error.hpp"

#include "support/catch.hpp"

#include <cerrno>

#include <sqlite3.h>

using namespace dstack;
using namespace dstack::store;

TEST_CASE("a commit that was written and not synced may have taken effect, also on a full disk") {
  const auto error = [](int code, const char* doing) {
    return sqlite_failure(code, "disk I/O error", {ENOSPC, doing}, "/home/me/database.sqlite")
        .value();
  };
  const Error synced = error(SQLITE_IOERR_FSYNC, "sync");
  CHECK(synced.code == ErrorCode::internal);
  CHECK(synced.number == ENOSPC);
  CHECK_THAT(synced.message,
             Catch::StartsWith("cannot sync the run database '/home/me/database.sqlite'"));
  CHECK(synced.hint == "free some space on that disk, then run the command again");
  // What could not even be written has not.
  CHECK(error(SQLITE_FULL, "write").code == ErrorCode::unavailable);
  CHECK(error(SQLITE_IOERR_WRITE, "write").code == ErrorCode::unavailable);
}
