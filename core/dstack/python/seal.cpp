#include "dstack/python/seal.hpp"

#include <sys/stat.h>

namespace dstack::python {

namespace {

Result<void> take_write_bits(const Path& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0)
    return fail_errno("cannot read '{}'", path.string());
  if (S_ISLNK(status.st_mode) || (status.st_mode & 0222) == 0)
    return {};
  if (::chmod(path.c_str(), status.st_mode & 07555) != 0)
    return fail_errno("cannot make '{}' read-only", path.string());
  return {};
}

}  // namespace

Result<void> seal_content(const Path& folder) {
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const Path path = entry->path();
    boost::system::error_code other;
    if (fs::symlink_status(path, other).type() == fs::directory_file)
      DSTACK_CHECK(seal_content(path));
    DSTACK_CHECK(take_write_bits(path));
  }
  if (error)
    return fail_errno_of(error.value(), "cannot read folder '{}'", folder.string());
  return {};
}

Result<void> seal_top(const Path& folder) {
  return take_write_bits(folder);
}

}  // namespace dstack::python
