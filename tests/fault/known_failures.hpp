// Points of the sweeps that are known to fail, and are to be mended. A short list, or none.
#pragma once

#include "sweep.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace dstack::test {

/// Of errors: a part of what is found. Kills have none.
inline constexpr std::array<std::string_view, 4> known_failures = {
    // SQLite's own words, which hide the error of the call.
    "error: the run database:",
    // Names no file.
    "cannot write the run database:",
    // A runner whose disk fails writes no record, and its job counts as lost.
    "failed (lost): its runner was killed",
    // A disk that fails for ever, below a runner or a supervisor.
    "' did not end: ",
};

inline bool is_known_failure(const FaultPoint& point, std::string_view what) {
  return point.error != 0 &&
         std::any_of(known_failures.begin(), known_failures.end(), [&](std::string_view known) {
           return what.find(known) != std::string_view::npos;
         });
}

}  // namespace dstack::test
