// Whether tests of workspaces in layers can run on this machine.
#pragma once

#include "dstack/overlay/mount.hpp"
#include "support/catch.hpp"

#include <string>

namespace dstack::test {

/// Why no overlay can be mounted where tests have their folders; empty where one can.
inline std::string why_no_overlays() {
  const auto tried = overlay::try_in(fs::temp_directory_path());
  return tried ? std::string() : "no overlay can be mounted here: " + render(tried.error());
}

}  // namespace dstack::test

/// For the begin of a test case, which it ends as skipped where there are no overlays.
#define NEEDS_OVERLAYS()                                                               \
  do {                                                                                 \
    if (const std::string reason = ::dstack::test::why_no_overlays(); !reason.empty()) \
      SKIP(reason);                                                                    \
  } while (false)
