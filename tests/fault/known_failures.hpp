// Points of the sweeps that are known to fail, and are to be mended. A short list, or none.
#pragma once

#include "sweep.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace dstack::test {

/// Of errors: a part of what is found. Kills have none.
inline constexpr std::array<std::string_view, 0> known_failures = {};

inline bool is_known_failure(const FaultPoint& point, std::string_view what) {
  return point.error != 0 &&
         std::any_of(known_failures.begin(), known_failures.end(), [&](std::string_view known) {
           return what.find(known) != std::string_view::npos;
         });
}

}  // namespace dstack::test
