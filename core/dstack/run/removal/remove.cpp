#include "dstack/run/removal/remove.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/log.hpp"

namespace dstack::run {

Result<store::Removed> remove(const files::Home& home,
                              store::Records& records,
                              const std::vector<store::RunRecord>& runs) {
  Result<void> removed;
  for (const store::RunRecord& run : runs) {
    removed = records.remove_run(run.id);
    if (!removed && removed.error().code == ErrorCode::not_found)
      removed = {};  // another one did it
    if (removed)
      removed = remove_tree(home.run(run.name));
    if (!removed)
      break;
  }
  // Also when one of several could not be removed: the others have gone.
  auto freed = store::free_removed(store::ObjectStore(home), records);
  DSTACK_CHECK(removed);
  return std::move(freed).map_error(while_doing("freeing what the removed runs had saved"));
}

void finish_removals(const files::Home& home, store::Records& records) {
  const auto waiting = records.removed_trees();
  if (!waiting || waiting->empty())
    return;
  // The one that was given may be for reading only.
  auto writing = store::Records::open(home);
  if (!writing)
    return;
  if (const auto freed = store::free_removed(store::ObjectStore(home), *writing, Wait::no); !freed)
    log::info(render(freed.error()));
}

}  // namespace dstack::run
