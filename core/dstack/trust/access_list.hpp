// The access control list of a file (POSIX ACL): whom its owner lets write besides. Where a file
// has one, the group's bits of its mode are the most that any of these may do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dstack::trust {

/// Who may write, beyond the owner and what the mode says of all others.
struct Writers {
  std::vector<uid_t> users;
  std::vector<gid_t> groups;
  bool owning_group = false;
};

/// Of a file whose mode lets its group write; `owning_group` alone where it has no list.
Writers writers_beside_owner(const std::string& path);

}  // namespace dstack::trust
