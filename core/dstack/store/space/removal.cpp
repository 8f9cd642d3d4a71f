#include "dstack/store/space/removal.hpp"

#include "dstack/base/progress.hpp"
#include "dstack/base/stop_flag.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// Some milliseconds for those who wait.
constexpr std::size_t most_in_batch = 500;
constexpr std::uint64_t block = 512;

/// Lets others see the lock free, whatever happens.
class Batch {
 public:
  explicit Batch(RemovalLock& lock) : lock_(lock) {}

  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  ~Batch() { lock_.end_batch(); }

 private:
  RemovalLock& lock_;
};

}  // namespace

Result<Removed> Removal::remove(Doomed& doomed) {
  if (doomed.empty())
    return removed_;
  DSTACK_TRY(lock_, RemovalLock::open(objects_.home()));
  DSTACK_TRY(root_, open_file(objects_.home().root.string(), O_RDONLY | O_DIRECTORY));
  Objects files;
  std::map<Digest, Objects> packs;
  for (const DoomedObject& object : doomed.objects())
    (object.kind == Kind::pack ? packs[object.pack] : files).push_back(&object);
  expect_work({.files = doomed.objects().size()});
  DSTACK_CHECK(remove_files(doomed, files));
  for (const auto& [name, contents] : packs)
    DSTACK_CHECK(remove_from_pack(doomed, contents));
  return removed_;
}

Result<void> Removal::in_batch(Doomed& doomed, const std::function<Result<void>()>& work) {
  DSTACK_CHECK(check_stop());
  const std::uint64_t waits = lock_->waits();
  const auto before = std::chrono::steady_clock::now();
  {
    DSTACK_CHECK(lock_->begin_batch());
    const Batch batch(*lock_);
    if (!std::exchange(has_begun_, true))
      DSTACK_CHECK(lock_->begin_generation());
    DSTACK_CHECK(protect(doomed));
    DSTACK_CHECK(work());
  }
  // Whoever waited gets as much time as the batch took.
  if (lock_->waits() != waits)
    std::this_thread::sleep_for(std::chrono::steady_clock::now() - before);
  return {};
}

Result<void> Removal::protect(Doomed& doomed) {
  // Pins first: they go only after the rows have come.
  DSTACK_TRY(const auto pins, pins_.read_new());
  const auto keep = [&](const TreeRecord& tree) { doomed.keep(tree); };
  for (const Pin& pin : pins) {
    doomed.keep(pin.digest);
    if (pin.what == Pin::What::tree)
      DSTACK_CHECK(live_.add(pin.digest, keep));
  }
  return protect_new_rows(doomed);
}

Result<void> Removal::protect_new_rows(Doomed& doomed) {
  DSTACK_TRY(const std::int64_t changes, records_.changes_by_others());
  if (std::exchange(changes_, changes) == changes)
    return {};
  DSTACK_TRY(const auto needed, records_.needed_trees());
  for (const NeededTree& tree : needed) {
    doomed.keep(tree.times);
    if (!live_.has(tree.tree))
      DSTACK_CHECK(live_.add(tree.tree, [&](const TreeRecord& record) { doomed.keep(record); }));
  }
  return {};
}

Result<void> Removal::remove_files(Doomed& doomed, const Objects& files) {
  for (std::size_t first = 0; first < files.size(); first += most_in_batch) {
    const auto batch =
        std::span(files).subspan(first, std::min(most_in_batch, files.size() - first));
    const auto remove_each = [&]() -> Result<void> {
      for (const DoomedObject* file : batch)
        if (!file->is_kept)
          DSTACK_CHECK(remove_file(*file));
      return {};
    };
    DSTACK_CHECK(in_batch(doomed, remove_each));
    count_work({.files = batch.size()});
  }
  return {};
}

Result<void> Removal::remove_file(const DoomedObject& object) {
  const std::string name = object_name(object.kind, object.digest);
  struct stat status;
  if (::fstatat(root_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::unlinkat(root_.get(), name.c_str(), 0) != 0) {
    if (errno == ENOENT)
      return {};
    return fail_errno("cannot remove '{}'", (objects_.home().root / name).string());
  }
  ++removed_.objects;
  // As long as there is another name, in a layer, the space stays in use.
  if (status.st_nlink == 1)
    removed_.bytes += static_cast<std::uint64_t>(status.st_blocks) * block;
  return {};
}

Result<void> Removal::remove_from_pack(Doomed& doomed, const Objects& contents) {
  const Digest name = contents.front()->pack;
  bool is_removed = false;
  const auto remove_whole = [&]() -> Result<void> {
    DSTACK_TRY(is_removed, remove_pack(name, contents));
    return {};
  };
  DSTACK_CHECK(in_batch(doomed, remove_whole));
  for (std::size_t first = 0; first < contents.size() && !is_removed; first += most_in_batch)
    DSTACK_CHECK(in_batch(doomed, [&] {
      return erase(
          name,
          std::span(contents).subspan(first, std::min(most_in_batch, contents.size() - first)));
    }));
  count_work({.files = contents.size()});
  if (!is_removed && objects_.packs().is_erased(name))
    DSTACK_CHECK(objects_.packs().remove(name));
  return {};
}

/// False: something in it stays.
Result<bool> Removal::remove_pack(const Digest& name, const Objects& contents) {
  const auto entries = objects_.packs().entries(name);
  const bool goes = entries && entries->size() == contents.size() &&
                    std::none_of(contents.begin(), contents.end(), [](const DoomedObject* each) {
                      return each->is_kept;
                    });
  if (!goes)
    return false;
  struct stat status;
  if (::stat((objects_.packs().folder() / name.render()).c_str(), &status) == 0)
    removed_.bytes += static_cast<std::uint64_t>(status.st_blocks) * block;
  removed_.objects += contents.size();
  DSTACK_CHECK(objects_.packs().remove(name));
  return true;
}

Result<void> Removal::erase(const Digest& name, std::span<const DoomedObject* const> contents) {
  std::vector<Packed> gone;
  for (const DoomedObject* content : contents)
    if (!content->is_kept) {
      gone.push_back(content->where);
      ++removed_.objects;
      removed_.bytes += content->where.size;
    }
  return objects_.packs().erase(name, std::move(gone));
}

}  // namespace dstack::store
