#include "dstack/base/environment_variable.hpp"

#include <cstdlib>

namespace dstack {

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<std::string> nonempty_environment_variable(const std::string& name) {
  auto value = environment_variable(name);
  return value && !value->empty() ? value : std::nullopt;
}

}  // namespace dstack
