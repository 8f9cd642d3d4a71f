#include "dstack/run/client/little_space.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

#include <sys/statvfs.h>

namespace dstack::run {

namespace {

constexpr std::uint64_t little = 5'000'000'000;
constexpr std::uint64_t little_part = 20;

}  // namespace

std::string describe_little_space(const std::string& folder,
                                  std::uint64_t free,
                                  std::uint64_t total) {
  if (free >= little || free >= total / little_part)
    return {};
  return fmt::format(
      "the disk of '{}' is nearly full: {} of {} are left for workspaces and artifacts; 'dstack "
      "du' "
      "shows what takes room, and 'dstack prune' and 'dstack gc' free it",
      printable(folder),
      render_size(free),
      render_size(total));
}

std::string find_little_space(const Path& folder) {
  struct statvfs space {};

  if (::statvfs(folder.c_str(), &space) != 0)
    return {};
  return describe_little_space(folder.string(),
                               std::uint64_t{space.f_bavail} * space.f_frsize,
                               std::uint64_t{space.f_blocks} * space.f_frsize);
}

}  // namespace dstack::run
