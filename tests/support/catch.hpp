// The test framework, in one place: a move to another version of Catch2 changes this file.
#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace dstack::test {

inline bool skipped = false;
inline constexpr int skipped_exit_code = 77;  // tests/CMakeLists.txt tells CTest the same

}  // namespace dstack::test

/// Ends the test case as skipped: it cannot run on this machine, for this reason. Never a silent
/// pass.
#define SKIP(reason)                                               \
  do {                                                             \
    std::cout << "[skipped] " << std::string(reason) << std::endl; \
    ::dstack::test::skipped = true;                                \
    return;                                                        \
  } while (false)
