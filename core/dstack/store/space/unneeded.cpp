#include "dstack/store/space/unneeded.hpp"

#include "dstack/store/layers/layers.hpp"
#include "dstack/store/space/removal.hpp"

#include <algorithm>
#include <unordered_set>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::store {

namespace {

// More of the index than this is of trees that have gone.
constexpr std::size_t most_waste = 2;

/// The roots of what stays, as they are at one moment.
struct Needed {
  std::int64_t changes = 0;
  std::unordered_set<Digest> trees;
  std::unordered_set<Digest> times;

  static Result<Needed> read(Records& records) {
    Needed needed;
    // Before the rows: what is committed between the two is read twice, not missed.
    DSTACK_TRY(needed.changes, records.changes_by_others());
    DSTACK_TRY(const auto trees, records.needed_trees());
    for (const NeededTree& tree : trees) {
      needed.trees.insert(tree.tree);
      needed.times.insert(tree.times);
    }
    return needed;
  }
};

/// A tree with all below it, parents before children, as far as nobody needs it as a root.
class Below {
 public:
  Below(const ObjectStore& objects, const Needed& needed, Doomed& doomed)
      : objects_(objects), needed_(needed), doomed_(doomed) {}

  void add(const Digest& tree) {
    std::vector<Digest> next = {tree};
    while (!next.empty()) {
      const Digest digest = next.back();
      next.pop_back();
      if (needed_.trees.contains(digest) || !trees_.insert(digest).second)
        continue;
      add_object(Kind::tree, digest, largest_packed);
      const auto content = objects_.read_tree(digest);
      if (!content)
        continue;  // it has gone already, or what is below it is for free_unneeded() to find
      for (const TreeEntry& entry : content->entries)
        if (entry.type == files::EntryType::folder)
          next.push_back(entry.digest);
        else
          add_blob(entry);
    }
  }

  /// Blobs after all trees.
  void finish() {
    for (DoomedObject& blob : blobs_)
      doomed_.add(std::move(blob));
  }

 private:
  void add_blob(const TreeEntry& entry) {
    const Kind kind = entry.type == files::EntryType::executable ? Kind::executable : Kind::blob;
    if (!(kind == Kind::executable ? executables_ : plain_).insert(entry.digest).second)
      return;
    blobs_.push_back({.kind = kind, .digest = entry.digest});
    if (entry.size <= largest_packed)
      add_packed(entry.digest, blobs_);
  }

  void add_object(Kind kind, const Digest& digest, std::uint64_t size) {
    doomed_.add({.kind = kind, .digest = digest});
    std::vector<DoomedObject> packed;
    if (size <= largest_packed)
      add_packed(digest, packed);
    for (DoomedObject& object : packed)
      doomed_.add(std::move(object));
  }

  void add_packed(const Digest& digest, std::vector<DoomedObject>& list) {
    const auto found = objects_.packs().find(digest, Packs::Newest::needed);
    if (found && *found && packed_.insert(digest).second)
      list.push_back(
          {.kind = Kind::pack, .digest = digest, .pack = (*found)->name, .where = (*found)->where});
  }

  const ObjectStore& objects_;
  const Needed& needed_;
  Doomed& doomed_;
  std::unordered_set<Digest> trees_;
  std::unordered_set<Digest> plain_;
  std::unordered_set<Digest> executables_;
  std::unordered_set<Digest> packed_;
  std::vector<DoomedObject> blobs_;
};

Doomed doomed_by(const std::vector<RemovedTree>& removed,
                 const ObjectStore& objects,
                 const Needed& needed) {
  Doomed doomed;
  for (const RemovedTree& tree : removed)
    if (!needed.times.contains(tree.times) && tree.times != Digest{})
      doomed.add({.kind = Kind::times, .digest = tree.times});
  Below below(objects, needed, doomed);
  for (const RemovedTree& tree : removed)
    below.add(tree.tree);
  below.finish();
  doomed.seal();
  return doomed;
}

/// The lock of those who look for what is not needed; nothing: another process has it.
Result<std::optional<Fd>> lock_search(const ObjectStore& objects, Wait wait) {
  DSTACK_TRY(
      Fd lock,
      open_file(objects.home().look_lock().string(), O_RDWR | O_CREAT, 0600));
  DSTACK_TRY(const bool is_held, lock_exclusive(lock.get(), wait));
  return is_held ? std::optional(std::move(lock)) : std::nullopt;
}

Result<Removed> free_trees(const ObjectStore& objects,
                           Records& records,
                           const std::vector<RemovedTree>& removed) {
  DSTACK_TRY(const Needed needed, Needed::read(records));
  Doomed doomed = doomed_by(removed, objects, needed);
  if (doomed.empty())
    return Removed{};
  TreeGraph graph(objects);
  Reach live(graph);
  for (const Digest& tree : needed.trees)
    DSTACK_CHECK(live.add(tree, [&](const TreeRecord& record) { doomed.keep(record); }));
  append_to_tree_index(objects.home(), graph.take_new());
  DSTACK_TRY(const Removed freed, Removal(objects, records, live, needed.changes).remove(doomed));
  // Their large files have names there, too.
  for (const Path& layer : layers_without(
           objects.home(), [&](const Digest& tree) { return needed.trees.contains(tree); }))
    remove_layer(layer);
  return freed;
}

// --- All of the store ---

/// What stays, by short names.
struct Stays {
  std::vector<std::uint64_t> blobs;  ///< sorted
  std::unordered_set<Digest> trees;
  std::string records;  ///< of the trees, for the index

  bool has_blob(const Digest& digest, bool executable) const {
    return std::binary_search(blobs.begin(), blobs.end(), short_name(digest, executable));
  }

  bool has_packed(const Digest& digest) const {
    return has_blob(digest, false) || has_blob(digest, true) || trees.contains(digest);
  }

  void add(const TreeRecord& record) {
    trees.insert(record.digest());
    for (std::size_t i = 0; i < record.blobs(); ++i)
      blobs.push_back(record.blob(i).name);
    records.append(record.bytes());
  }

  void seal() {
    std::sort(blobs.begin(), blobs.end());
    blobs.erase(std::unique(blobs.begin(), blobs.end()), blobs.end());
  }
};

/// Calls `visit(digest, ending)` for each object below `folder`, "objects" or "trees"; the ending
/// is what follows the digest in its name.
template <typename Visit>
void for_each_file(const Path& folder, const Visit& visit) {
  boost::system::error_code error;
  for (fs::directory_iterator first(folder, error), end; !error && first != end;
       first.increment(error)) {
    const std::string begin = first->path().filename().string();
    boost::system::error_code inner;
    for (fs::directory_iterator each(first->path(), inner);
         begin.size() == 2 && !inner && each != end;
         each.increment(inner)) {
      const std::string name = begin + each->path().filename().string();
      constexpr std::size_t digits = 2 * sizeof(Digest::bytes);
      if (name.size() >= digits)
        if (const auto digest = Digest::parse(std::string_view(name).substr(0, digits)))
          visit(*digest, std::string_view(name).substr(digits));
    }
  }
}

/// Times before trees before blobs.
Doomed find_unneeded(const ObjectStore& objects, const Needed& needed, const Stays& stays) {
  Doomed doomed;
  std::vector<DoomedObject> trees;
  for_each_file(objects.home().root / "trees", [&](const Digest& digest, std::string_view ending) {
    if (ending == ".t" && !needed.times.contains(digest))
      doomed.add({.kind = Kind::times, .digest = digest});
    else if (ending.empty() && !stays.trees.contains(digest))
      trees.push_back({.kind = Kind::tree, .digest = digest});
  });
  for (DoomedObject& tree : trees)
    doomed.add(std::move(tree));
  for_each_file(
      objects.home().root / "objects", [&](const Digest& digest, std::string_view ending) {
        const bool is_executable = ending == ".x";
        if ((ending.empty() || is_executable) && !stays.has_blob(digest, is_executable))
          doomed.add({.kind = is_executable ? Kind::executable : Kind::blob, .digest = digest});
      });
  for (const Digest& name : objects.packs().names())
    if (const auto entries = objects.packs().entries(name))
      for (const Packed& entry : *entries)
        if (!stays.has_packed(entry.digest) && !objects.packs().is_erased(name, entry))
          doomed.add({.kind = Kind::pack, .digest = entry.digest, .pack = name, .where = entry});
  doomed.seal();
  return doomed;
}

/// As remove() would count it, without pins and what comes meanwhile.
Removed count(const ObjectStore& objects, const Doomed& doomed) {
  Removed all;
  for (const DoomedObject& object : doomed.objects()) {
    struct stat status;
    if (object.kind == Kind::pack) {
      all.bytes += object.where.size;
      ++all.objects;
    } else if (::lstat((objects.home().root / object_name(object.kind, object.digest)).c_str(),
                       &status) == 0) {
      all.bytes += status.st_nlink == 1 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
      ++all.objects;
    }
  }
  return all;
}

}  // namespace

Result<Removed> free_removed(const ObjectStore& objects, Records& records, Wait wait) {
  DSTACK_TRY(const auto waiting, records.removed_trees());
  if (waiting.empty())
    return Removed{};
  DSTACK_TRY(const auto lock, lock_search(objects, wait));
  if (!lock)
    return Removed{};
  // Another one may have done it meanwhile.
  DSTACK_TRY(const auto removed, records.removed_trees());
  if (removed.empty())
    return Removed{};
  DSTACK_TRY(const Removed freed, free_trees(objects, records, removed));
  DSTACK_CHECK(records.forget_removed_trees(removed.back().id));
  return freed;
}

Result<Removed> free_unneeded(const ObjectStore& objects, Records& records, Effect effect) {
  DSTACK_TRY(const auto lock, lock_search(objects, Wait::yes));
  DSTACK_TRY(const auto removed, records.removed_trees());
  DSTACK_TRY(const Needed needed, Needed::read(records));
  TreeGraph graph(objects);
  Reach live(graph);
  Stays stays;
  for (const Digest& tree : needed.trees)
    DSTACK_CHECK(live.add(tree, [&](const TreeRecord& record) { stays.add(record); }));
  stays.seal();
  Doomed doomed = find_unneeded(objects, needed, stays);
  if (effect == Effect::look)
    return count(objects, doomed);
  DSTACK_TRY(const Removed freed, Removal(objects, records, live, needed.changes).remove(doomed));
  if (graph.index().bytes() > most_waste * stays.records.size() || !graph.take_new().empty())
    (void)write_tree_index(objects.home(), stays.records);
  if (!removed.empty())
    DSTACK_CHECK(records.forget_removed_trees(removed.back().id));
  return freed;
}

}  // namespace dstack::store
