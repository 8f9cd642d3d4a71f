#include "dstack/files/believed_home.hpp"

#include "dstack/trust/belief.hpp"

#include <sys/stat.h>

namespace dstack::files {

namespace {

/// Of a folder in which everybody can make files, but nobody can touch those of others: the top of
/// a file system in memory is one.
bool is_sticky(const Path& folder) {
  struct stat status {};

  return ::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_ISVTX) != 0 &&
         (status.st_mode & S_IWOTH) != 0;
}

Result<void> believe_part(const Home& home, const Path& part) {
  return trust::believe(
      fmt::format("the home '{}'", home.root.string()), part, trust::Kind::file, home.root);
}

Result<void> believe_all(const Home& home) {
  DSTACK_CHECK(believe_part(home, home.root));
  if (!is_sticky(home.root))
    return {};
  boost::system::error_code error;
  for (fs::directory_iterator entry(home.root, error), end; !error && entry != end;
       entry.increment(error))
    DSTACK_CHECK(believe_part(home, entry->path()));
  return {};
}

}  // namespace

Result<void> believe_home(const Home& home) {
  return believe_all(home).map_error([](Error error) {
    error.hint = fmt::format("set DSTACK_HOME to a folder of your own; {}", error.hint);
    return error;
  });
}

}  // namespace dstack::files
