#include "dstack/files/abandoned.hpp"

#include "dstack/base/abandoned_writes.hpp"
#include "dstack/files/drafts.hpp"
#include "dstack/files/held_file.hpp"
#include "dstack/files/staging_folder.hpp"

#include <unistd.h>

namespace dstack::files {

void remove_abandoned(const Home& home) {
  remove_abandoned_staging_folders(home);
  remove_abandoned_writes(home.root);
  remove_abandoned_writes(home.secrets());
  remove_abandoned_writes(home.index());
  remove_abandoned_writes(home.temporary());
  boost::system::error_code error;
  for (fs::directory_iterator next(home.root / "resources", error), end; !error && next != end;
       next.increment(error))
    remove_abandoned_writes(next->path());
  for (fs::directory_iterator next(home.temporary(), error), end; !error && next != end;
       next.increment(error))
    if (const std::string name = next->path().filename().string(); name.starts_with(drafts_prefix))
      remove_abandoned_drafts(next->path());
    else if (name.starts_with(pins_prefix) && take_abandoned_file(next->path()))
      ::unlink(next->path().c_str());
}

}  // namespace dstack::files
