// Waiting for what is true sooner or later; the limit of a test's time ends what never is.
#pragma once

#include <functional>

#include <unistd.h>

namespace dstack::test {

inline void wait_until(const std::function<bool()>& reached) {
  while (!reached())
    ::usleep(5000);
}

}  // namespace dstack::test
