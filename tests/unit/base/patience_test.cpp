#include "dstack/base/patience.hpp"

#include "support/results.hpp"

#include <catch2/catch.hpp>

#include <cerrno>

using namespace dstack;

namespace {

/// How often work that fails with this error is tried.
int tries_of(int error) {
  int tries = 0;
  const auto result = with_patience([&]() -> Result<void> {
    ++tries;
    return fail_errno_of(error, "no work");
  });
  CHECK_FALSE(result);
  return tries;
}

}  // namespace

TEST_CASE("what passes is tried again, until that was in vain") {
  CHECK(tries_of(ENOENT) == 1);
  int failures = 2;
  const auto passes = with_patience([&]() -> Result<int> {
    if (failures-- > 0)
      return fail_errno_of(EMFILE, "no work");
    return 7;
  });
  CHECK(passes.value_or(0) == 7);
  CHECK(tries_of(EIO) == 10);
  // The disk has failed for good: nobody waits five seconds for each further piece of work, nor for
  // one within another.
  CHECK(tries_of(EIO) == 1);
  // Until something succeeds.
  CHECK(with_patience([]() -> Result<int> { return 1; }).value_or(0) == 1);
  CHECK(tries_of(EMFILE) == 10);
}
