#include "dstack/run/removal/remove.hpp"

#include "dstack/base/file.hpp"
#include "dstack/run/removal/folder_notice.hpp"

namespace dstack::run {

Result<store::Removed> remove(const files::Home& home,
                              store::Records& records,
                              const std::vector<store::RunRecord>& runs) {
  Result<void> removed;
  for (const store::RunRecord& run : runs) {
    RunFolderNotice notice(home, run.name);
    removed = records.remove_run(run.id);
    if (removed)
      removed = remove_tree(home.run(run.name));
    if (!removed)
      break;
    notice.settle();
  }
  // Also when one of several could not be removed: the others have gone.
  auto freed = store::free_removed(store::ObjectStore(home), records);
  DSTACK_CHECK(removed);
  return std::move(freed).map_error(while_doing("freeing what the removed runs had saved"));
}

}  // namespace dstack::run
