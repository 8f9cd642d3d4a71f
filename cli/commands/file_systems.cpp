#include "commands/file_systems.hpp"

#include <sys/statfs.h>

namespace dstack::cli {

std::string file_system_name(const Path& path) {
  struct statfs status {};

  if (::statfs(path.c_str(), &status) != 0)
    return "an unknown file system";
  switch (static_cast<unsigned long>(status.f_type)) {
    case 0xEF53:
      return "ext4";
    case 0x9123683E:
      return "btrfs";
    case 0x58465342:
      return "xfs";
    case 0x01021994:
      return "tmpfs";
    case 0x794C7630:
      return "overlay";
    case 0x6969:
      return "nfs";
    case 0xFF534D42:
    case 0xFE534D42:
      return "cifs";
    case 0x0BD00BD0:
      return "lustre";
    case 0x00C36400:
      return "ceph";
    case 0x47504653:
      return "gpfs";
    case 0x19830326:
      return "beegfs";
    case 0x01021997:
      return "9p";
    case 0x2FC12FC1:
      return "zfs";
    default:
      return "another file system";
  }
}

bool is_on_network(std::string_view file_system) {
  for (const std::string_view name : {"nfs", "cifs", "lustre", "ceph", "gpfs", "beegfs", "9p"})
    if (file_system == name)
      return true;
  return false;
}

}  // namespace dstack::cli
