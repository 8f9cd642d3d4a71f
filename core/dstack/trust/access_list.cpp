#include "dstack/trust/access_list.hpp"

#include <array>
#include <cstring>

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

namespace dstack::trust {

namespace {

constexpr const char* attribute = "system.posix_acl_access";

/// More entries than any file system keeps.
constexpr std::size_t most_bytes = 65'536;

}  // namespace

Writers writers_beside_owner(const std::string& path) {
  std::array<char, most_bytes> bytes;
  const ssize_t size = ::lgetxattr(path.c_str(), attribute, bytes.data(), bytes.size());
  if (size < static_cast<ssize_t>(sizeof(posix_acl_xattr_header)))
    return {{}, {}, true};
  Writers writers;
  posix_acl_xattr_entry entry{};
  for (std::size_t at = sizeof(posix_acl_xattr_header);
       at + sizeof entry <= static_cast<std::size_t>(size);
       at += sizeof entry) {
    std::memcpy(&entry, bytes.data() + at, sizeof entry);
    if ((le16toh(entry.e_perm) & ACL_WRITE) == 0)
      continue;
    const std::uint16_t tag = le16toh(entry.e_tag);
    if (tag == ACL_USER)
      writers.users.push_back(le32toh(entry.e_id));
    else if (tag == ACL_GROUP)
      writers.groups.push_back(le32toh(entry.e_id));
    else if (tag == ACL_GROUP_OBJ)
      writers.owning_group = true;
  }
  return writers;
}

}  // namespace dstack::trust
