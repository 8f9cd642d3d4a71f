// The environment variables of this process. Nothing here changes them.
#pragma once

#include <optional>
#include <string>

namespace dstack {

/// Nothing when it is not set.
std::optional<std::string> environment_variable(const std::string& name);
/// For variables that mean the same when they are empty as when they are not set.
std::optional<std::string> nonempty_environment_variable(const std::string& name);

}  // namespace dstack
