// Commands as an ordinary user: root may do anything, and would hide what is tested.
#pragma once

#include "support/sandbox.hpp"

#include <unistd.h>

namespace dstack::test {

/// The words before a command that root has somebody else run.
inline std::vector<std::string> words_of_user(const std::string& number) {
  return {"setpriv", "--reuid", number, "--regid", number, "--clear-groups", "--"};
}

/// Where the caller is one, as he is.
inline process::Command as_ordinary_user(process::Command command,
                                         const std::string& number = "65534") {
  if (::geteuid() != 0)
    return command;
  const auto words = words_of_user(number);
  command.argv.insert(command.argv.begin(), words.begin(), words.end());
  return command;
}

/// Gives all that is there to that user. For root.
inline void give_to_user(const Sandbox& box, const std::string& number) {
  process::Command command;
  command.argv = {"chown", "-R", number + ":" + number, box.root().string()};
  const auto output = process::run(command);
  REQUIRE(output);
  REQUIRE(process::succeeded(output->status));
}

/// Whether an ordinary user can start the program of this build.
inline bool user_reaches_build() {
  process::Command command;
  command.argv = {"test", "-x", DSTACK_BINARY};
  const auto output = process::run(as_ordinary_user(std::move(command)));
  return output && process::succeeded(output->status);
}

}  // namespace dstack::test
