// The test framework, in one place: a move to another version of Catch2 changes this file.
#pragma once

#include <catch2/catch.hpp>

#include <iostream>
#include <string>

/// Ends the test case as skipped: it cannot run on this machine, for this reason. Never a silent pass.
#define SKIP(reason)                                                      \
  do {                                                                    \
    std::cout << "[skipped] " << std::string(reason) << std::endl;        \
    return;                                                               \
  } while (false)
