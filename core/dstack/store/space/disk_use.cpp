#include "dstack/store/space/disk_use.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::store {

std::uint64_t disk_use(const Path& path) {
  constexpr std::uint64_t block = 512;
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0 || (!S_ISDIR(status.st_mode) && status.st_nlink > 1))
    return 0;
  std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * block;
  if (!S_ISDIR(status.st_mode))
    return bytes;
  boost::system::error_code error;
  for (fs::directory_iterator each(path, error), end; !error && each != end; each.increment(error))
    bytes += disk_use(each->path());
  return bytes;
}

}  // namespace dstack::store
