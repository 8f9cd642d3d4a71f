#include "dstack/files/abandoned.hpp"

#include "dstack/base/abandoned_writes.hpp"
#include "dstack/files/drafts.hpp"
#include "dstack/files/held_file.hpp"
#include "dstack/files/staging_folder.hpp"

#include <unistd.h>

namespace dstack::files {

namespace {

void remove_abandoned_temporary(const Path& path) {
  const std::string name = path.filename().string();
  if (name.starts_with(drafts_prefix))
    remove_abandoned_drafts(path);
  else if (name.starts_with(pins_prefix)) {
    if (take_abandoned_file(path))
      ::unlink(path.c_str());
  } else if (is_staging_folder(name))
    remove_abandoned_staging_folder(path);
  else if (is_unfinished_write(name))
    remove_abandoned_write(path);
}

}  // namespace

void remove_abandoned(const Home& home) {
  remove_abandoned_writes(home.root);
  remove_abandoned_writes(home.secrets());
  remove_abandoned_writes(home.index());
  boost::system::error_code error;
  for (fs::directory_iterator next(home.root / "resources", error), end; !error && next != end;
       next.increment(error))
    remove_abandoned_writes(next->path());
  for (fs::directory_iterator next(home.temporary(), error), end; !error && next != end;
       next.increment(error))
    remove_abandoned_temporary(next->path());
}

}  // namespace dstack::files
