#include "dstack/base/user.hpp"

#include <pwd.h>

namespace dstack {

std::optional<std::string> user_name(uid_t id) {
  const passwd* user = ::getpwuid(id);
  return user == nullptr ? std::nullopt : std::optional<std::string>(user->pw_name);
}

}  // namespace dstack
