// Container engines of this machine, as seen from outside.
#pragma once

#include <string>
#include <vector>

namespace dstack::cli {

struct Engine {
  std::string name;     ///< docker or podman
  std::string program;  ///< path of its command; empty: none
  std::string socket;   ///< at which it answered, or which was tried last
  std::string version;  ///< empty: no engine answered
  std::string trouble;  ///< why no engine answered
};

std::vector<Engine> find_engines();

}  // namespace dstack::cli
