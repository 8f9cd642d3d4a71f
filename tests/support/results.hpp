// What a function returned, in a test that knows whether it had to fail.
#pragma once

#include "dstack/base/error.hpp"
#include "support/catch.hpp"

#include <utility>

namespace dstack::test {

/// The value; a failure fails the test with its words.
template <typename T>
T value_of(Result<T> result) {
  if (!result)
    FAIL(render(result.error()));
  return std::move(*result);
}

/// Why it failed; a success fails the test. A test that only says that something fails passes also
/// when it fails for another reason.
template <typename T>
Error failure_of(const Result<T>& result) {
  if (result)
    FAIL("it did not fail");
  return result.error();
}

}  // namespace dstack::test
