#include "dstack/files/reserve.hpp"

#include "support/catch.hpp"

#include <cerrno>

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::files;

namespace {

struct Fixture {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path());
  Home home{folder.path()};

  /// Bytes that it takes of the disk; 0: there is none.
  std::uint64_t taken() const {
    struct stat status {};

    return ::stat(home.reserve().c_str(), &status) == 0
               ? static_cast<std::uint64_t>(status.st_blocks) * 512
               : 0;
  }
};

}  // namespace

TEST_CASE("a home has a reserve, which takes its room from the disk") {
  const Fixture fixture;
  REQUIRE(prepare_home(fixture.home));
  CHECK(fixture.taken() >= full_reserve);
}

TEST_CASE("work that meets a full disk is done once more without the reserve, which comes back") {
  const Fixture fixture;
  keep_reserve(fixture.home);
  int calls = 0;
  {
    ReserveUse reserve(fixture.home);
    const int error = GENERATE(ENOSPC, EDQUOT);
    const auto done = reserve.run([&]() -> Result<int> {
      if (++calls == 1)
        return fail_errno_of(error, "cannot write 'x'");
      CHECK(fixture.taken() == 0);
      return 7;
    });
    CHECK(done == 7);
    CHECK(fixture.taken() == 0);
  }
  CHECK(calls == 2);
  CHECK(fixture.taken() >= full_reserve);
}

TEST_CASE("work that fails for another reason, or again, is not done again") {
  const Fixture fixture;
  keep_reserve(fixture.home);
  ReserveUse reserve(fixture.home);
  int calls = 0;
  const auto refuse = [&](int error) {
    return reserve.run([&]() -> Result<void> {
      ++calls;
      return fail_errno_of(error, "cannot write 'x'");
    });
  };
  CHECK_FALSE(refuse(EIO));
  CHECK(calls == 1);
  CHECK(fixture.taken() >= full_reserve);
  CHECK_FALSE(refuse(ENOSPC));
  CHECK(calls == 3);
  CHECK_FALSE(refuse(ENOSPC));
  CHECK(calls == 4);
}
