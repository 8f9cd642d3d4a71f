#include "dstack/run/removal/orphaned_folders.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/store/records/rebuild.hpp"

#include <optional>
#include <set>

namespace dstack::run {

namespace {

/// With its lock, without which no run of the name can be submitted. Nothing: it is none.
Result<std::optional<Fd>> lock_orphaned(const files::Home& home,
                                        store::Records& records,
                                        const std::string& name) {
  DSTACK_TRY(auto lock, take_run_lock(home, name, WithoutFolder::removed));
  if (!lock)
    return std::nullopt;
  DSTACK_TRY(const auto run, records.find_run(name));
  // A run with a file and no row has lost its row: 'dstack doctor --repair' brings it back.
  const bool is_lost = store::can_rebuild(home, name);
  return run || is_lost ? std::nullopt : std::optional(*std::move(lock));
}

}  // namespace

Result<std::vector<Path>> orphaned_folders(const files::Home& home, store::Records& records) {
  // Before the rows: a folder that is made later is none of these.
  std::vector<Path> folders;
  boost::system::error_code error;
  for (fs::directory_iterator each(home.runs(), error), end; !error && each != end;
       each.increment(error))
    folders.push_back(each->path());
  DSTACK_TRY(const auto names, records.run_names(0));
  const std::set<std::string> known(names.begin(), names.end());
  std::vector<Path> orphaned;
  for (Path& folder : folders) {
    const std::string name = folder.filename().string();
    if (known.contains(name))
      continue;
    DSTACK_TRY(const auto lock, lock_orphaned(home, records, name));
    if (lock)
      orphaned.push_back(std::move(folder));
  }
  return orphaned;
}

Result<void> remove_orphaned(const files::Home& home, store::Records& records, const Path& folder) {
  DSTACK_TRY(const auto lock, lock_orphaned(home, records, folder.filename().string()));
  return lock ? remove_tree(folder) : Result<void>();
}

}  // namespace dstack::run
