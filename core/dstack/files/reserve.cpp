#include "dstack/files/reserve.hpp"

#include "dstack/base/fd.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace dstack::files {

namespace {

/// Less than this helps nobody.
constexpr std::uint64_t least_reserve = 64 * 1024;

int allocate(int file, std::uint64_t size) {
  while (::fallocate(file, 0, 0, static_cast<off_t>(size)) != 0)
    if (errno != EINTR)
      return errno;
  return 0;
}

}  // namespace

void keep_reserve(const Home& home) {
  struct stat status;
  const std::string path = home.reserve().string();
  if (::stat(path.c_str(), &status) == 0 || errno != ENOENT)
    return;
  const auto file = open_file(path, O_WRONLY | O_CREAT, 0600);
  if (!file)
    return;
  // A smaller one, of what the last use has left, is better than none.
  for (std::uint64_t size = full_reserve; size >= least_reserve; size /= 2) {
    const int error = allocate(file->get(), size);
    if (error == 0)
      return;
    if (!is_disk_full(error))
      break;
  }
  ::unlink(path.c_str());
}

bool has_room_again(const Path& folder) {
  struct statvfs disk;
  if (::statvfs(folder.c_str(), &disk) != 0)
    return true;
  const std::uint64_t all = disk.f_blocks * disk.f_frsize;
  const std::uint64_t enough = std::min<std::uint64_t>(2 * full_reserve, all / 8);
  return disk.f_bavail * disk.f_frsize >= enough && (disk.f_files == 0 || disk.f_favail > 0);
}

ReserveUse::~ReserveUse() {
  if (is_given_up_)
    keep_reserve(home_);
}

bool ReserveUse::give_up() {
  if (std::exchange(is_given_up_, true))
    return false;
  // That there is none is no reason not to try: another process may have given it up just now.
  ::unlink(home_.reserve().c_str());
  return true;
}

}  // namespace dstack::files
