// Users of the machine.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace dstack {

/// The login name; nothing where the system knows none. The lookup may use the network.
std::optional<std::string> user_name(uid_t id);

}  // namespace dstack
