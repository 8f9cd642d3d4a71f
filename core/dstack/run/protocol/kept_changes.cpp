#include "dstack/run/protocol/kept_changes.hpp"

#include "dstack/run/protocol/file_names.hpp"

namespace dstack::run {

namespace {

store::ObjectStore own_store(const files::Home& home, const std::string& run) {
  return store::ObjectStore(files::Home{home.run(run) / file_names::kept}, store::Users::one_run);
}

}  // namespace

std::optional<store::ObjectStore> own_store_of_changes(const files::Home& home,
                                                       const std::string& run) {
  if (!is_folder(home.run(run) / file_names::kept))
    return std::nullopt;
  return own_store(home, run);
}

Result<store::ObjectStore> make_store_of_changes(const files::Home& home, const std::string& run) {
  store::ObjectStore store = own_store(home, run);
  for (const char* name : {"objects", "packs", "trees", "tmp"})
    DSTACK_CHECK(make_folders(store.home().root / name));
  DSTACK_CHECK(sync_folder(store.home().root));
  DSTACK_CHECK(sync_folder(home.run(run)));
  return store;
}

store::ObjectStore store_of_changes(const files::Home& home,
                                    const std::string& run,
                                    const job::Edits& edits) {
  store::ObjectStore shared(home);
  auto own = own_store_of_changes(home, run);
  // One that is damaged is missed where it was.
  return own && (own->has_tree(edits.files) || !shared.has_tree(edits.files)) ? *std::move(own)
                                                                              : shared;
}

}  // namespace dstack::run
