#include "dstack/run/removal/remove.hpp"

#include "dstack/audit/audit_log.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/log.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/run/removal/folder_notice.hpp"

namespace dstack::run {

namespace {

/// Nobody would find the folder of a run that is off the record without a notice of it: then it
/// goes first. Whoever is killed here leaves a run on record without its logs, which the next 'rm'
/// removes.
Result<void> remove_after_folder(const files::Home& home,
                                 store::Records& records,
                                 const store::RunRecord& run) {
  DSTACK_CHECK(remove_tree(home.run(run.name)));
  return records.remove_run(run.id).map_error([&](Error error) {
    error.message += fmt::format("; the logs of run '{}' have gone already", run.name);
    return error;
  });
}

/// Also on a full disk.
Result<void> remove_rows(const files::Home& home,
                         store::Records& records,
                         const store::RunRecord& run) {
  files::ReserveUse reserve(home);
  auto removed = reserve.run([&] { return records.remove_run(run.id); });
  if (removed || !is_disk_full(removed.error()))
    return removed;
  // What it has left makes room for the transaction.
  return remove_after_folder(home, records, run);
}

}  // namespace

Result<store::Removed> remove(const files::Home& home,
                              store::Records& records,
                              const std::vector<store::RunRecord>& runs) {
  Result<void> removed;
  std::vector<std::string> gone;
  for (const store::RunRecord& run : runs) {
    RunFolderNotice notice(home, run.name);
    removed = notice.is_made() ? remove_rows(home, records, run)
                               : remove_after_folder(home, records, run);
    if (!removed && removed.error().code == ErrorCode::not_found)
      removed = {};  // another one did it
    if (removed)
      removed = remove_tree(home.run(run.name));
    if (!removed)
      break;
    notice.settle();
    gone.push_back(run.name);
  }
  if (!gone.empty())
    audit::note(home, "remove", {{"runs", gone}});
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
