// Waiting for what is true sooner or later. The one place where tests let time pass.
#pragma once

#include "support/catch.hpp"

#include <chrono>
#include <functional>
#include <source_location>
#include <thread>

namespace dstack::test {

/// Longer than anything that will come takes on a busy machine; shorter than a test may last, so
/// that what never comes is a failure with a place, and not a test that was killed.
inline constexpr std::chrono::seconds long_enough(100);

/// Returns when `reached` says so; fails the test when it never does.
inline void wait_until(const std::function<bool()>& reached,
                       std::chrono::milliseconds limit = long_enough,
                       const std::source_location& place = std::source_location::current()) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > end)
      FAIL("what is waited for at " << place.file_name() << ":" << place.line() << " never came");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// For tests that strike at any moment of something's life, each round at another one. It stands
/// for no event: what has happened by then is unknown on purpose.
inline void let_pass(std::chrono::microseconds time) {
  std::this_thread::sleep_for(time);
}

}  // namespace dstack::test
