// Secrets of a test's project.
#pragma once

#include "support/sandbox.hpp"

#include <string>
#include <vector>

namespace dstack::test {

/// `dstack secrets add ARGUMENTS`, which takes the value from its standard input. Makes a project
/// where there is none yet.
inline void add_secret(const Sandbox& box,
                       std::vector<std::string> arguments,
                       const std::string& value) {
  if (!fs::exists(box.project() / ".dstack"))
    box.workflows("workflows: []\n");
  arguments.insert(arguments.begin(), {"secrets", "add"});
  const auto output = process::run(box.command(arguments), value, std::chrono::seconds(100));
  REQUIRE(output);
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
}

}  // namespace dstack::test
