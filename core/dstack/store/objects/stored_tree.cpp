#include "dstack/store/objects/stored_tree.hpp"

#include "dstack/files/entry.hpp"
#include "dstack/store/objects/damage.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

namespace dstack::store {

namespace {

using files::EntryType;
using Visit = std::function<void(std::string, const TreeEntry&, const Attributes&)>;

// A path has no more than 2,048 names on Linux; a tree that goes deeper was never captured.
constexpr std::size_t deepest = 2048;

Failure mismatch() {
  return fail(ErrorCode::internal, "the store holds a list of times that does not fit its tree");
}

class Visitor {
 public:
  Visitor(const ObjectStore& objects, std::vector<Attributes> times, const Visit& visit)
      : objects_(objects), times_(std::move(times)), visit_(visit) {}

  Result<void> folder(const Digest& digest, const std::string& prefix, std::size_t depth) {
    if (depth > deepest)
      return mismatch();
    DSTACK_TRY(const Tree tree, objects_.read_tree(digest));
    for (const TreeEntry& entry : tree.entries) {
      if (next_ == times_.size())
        return mismatch();
      visit_(prefix + entry.name, entry, times_[next_++]);
      if (entry.type == EntryType::folder)
        DSTACK_CHECK(folder(entry.digest, prefix + entry.name + "/", depth + 1));
    }
    return {};
  }

  Result<void> finish() const { return next_ == times_.size() ? Result<void>() : mismatch(); }

 private:
  const ObjectStore& objects_;
  const std::vector<Attributes> times_;
  const Visit& visit_;
  std::size_t next_ = 0;
};

Result<std::vector<Attributes>> read_times(const ObjectStore& objects, const Digest& digest) {
  const Path path = objects.home().root / object_name(Kind::times, digest);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT)
    return Damage(objects.home()).found_missing(Kind::times, digest);
  if (!file)
    return fail_errno("cannot open '{}'", path.string());
  DSTACK_TRY(const std::string text, read_all(file.get()));
  if (sha256(text) != digest)
    return Damage(objects.home())
        .found(Kind::times, digest, file.get(), "is another list of times than was saved");
  return parse_times(text);
}

/// Walks two trees side by side. A folder that is the same in both is read once, for its times.
class Comparison {
 public:
  Comparison(const ObjectStore& objects,
             std::vector<Attributes> times,
             std::vector<Attributes> base_times,
             std::size_t most)
      : objects_(objects),
        ours_{std::move(times), 0},
        base_{std::move(base_times), 0},
        most_(most) {}

  Result<void> folder(const Digest& tree, const Digest& base, const std::string& prefix) {
    if (is_too_deep(prefix))
      return mismatch();
    DSTACK_TRY(const Tree ours, objects_.read_tree(tree));
    if (tree == base)
      return both(ours, ours, prefix);
    DSTACK_TRY(const Tree theirs, objects_.read_tree(base));
    return both(ours, theirs, prefix);
  }

  bool is_too_much() const { return difference_.entries.size() > most_; }

  Result<std::optional<TreeDifference>> take() {
    if (is_too_much())
      return std::nullopt;
    if (!ours_.is_at_end() || !base_.is_at_end())
      return mismatch();
    return std::optional(std::move(difference_));
  }

 private:
  /// The attributes of one tree, in the order of its entries.
  struct Times {
    std::vector<Attributes> all;
    std::size_t next = 0;

    bool is_at_end() const { return next == all.size(); }

    Attributes take() { return ++next <= all.size() ? all[next - 1] : Attributes{}; }
  };

  static bool is_too_deep(const std::string& prefix) {
    return static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '/')) > deepest;
  }

  Result<void> both(const Tree& ours, const Tree& theirs, const std::string& prefix) {
    auto their = theirs.entries.begin();
    for (const TreeEntry& entry : ours.entries) {
      for (; their != theirs.entries.end() && their->name < entry.name; ++their)
        DSTACK_CHECK(remove(*their, prefix));
      const bool is_in_both = their != theirs.entries.end() && their->name == entry.name;
      DSTACK_CHECK(is_in_both ? compare(entry, *their++, prefix) : add_all(entry, prefix));
      if (is_too_much())
        return {};
    }
    for (; their != theirs.entries.end(); ++their)
      DSTACK_CHECK(remove(*their, prefix));
    return {};
  }

  Result<void> compare(const TreeEntry& entry, const TreeEntry& their, const std::string& prefix) {
    const bool is_folder = entry.type == EntryType::folder;
    const bool was_folder = their.type == EntryType::folder;
    if (is_folder && was_folder)
      return compare_folders(entry, their, prefix);
    const Attributes before = base_.take();
    if (was_folder)
      DSTACK_CHECK(skip(their.digest));
    if (is_folder) {
      difference_.hides = true;  // the file, and with it what is below the base
      return add_all(entry, prefix);
    }
    const Attributes attributes = ours_.take();
    const bool is_same =
        entry.type == their.type && entry.digest == their.digest && attributes == before;
    if (!is_same)
      add({prefix + entry.name, entry, attributes});
    return {};
  }

  Result<void> compare_folders(const TreeEntry& entry,
                               const TreeEntry& their,
                               const std::string& prefix) {
    const Attributes attributes = ours_.take();
    const bool has_changed = attributes != base_.take();
    way_.push_back({prefix + entry.name, entry, attributes});
    if (has_changed)
      add_way();
    DSTACK_CHECK(folder(entry.digest, their.digest, prefix + entry.name + "/"));
    way_.pop_back();
    way_added_ = std::min(way_added_, way_.size());
    return {};
  }

  Result<void> add_all(const TreeEntry& entry, const std::string& prefix) {
    if (is_too_deep(prefix))
      return mismatch();
    add({prefix + entry.name, entry, ours_.take()});
    if (entry.type != EntryType::folder || is_too_much())
      return {};
    DSTACK_TRY(const Tree tree, objects_.read_tree(entry.digest));
    for (const TreeEntry& below : tree.entries)
      DSTACK_CHECK(add_all(below, prefix + entry.name + "/"));
    return {};
  }

  Result<void> remove(const TreeEntry& their, const std::string& prefix) {
    (void)base_.take();
    difference_.hides = true;
    add({prefix + their.name, std::nullopt, {}});
    return their.type == EntryType::folder ? skip(their.digest) : Result<void>();
  }

  /// The times of what only the base has, which was laid out before.
  Result<void> skip(const Digest& folder) {
    DSTACK_TRY(const Tree tree, objects_.read_tree(folder));
    for (const TreeEntry& entry : tree.entries) {
      (void)base_.take();
      if (entry.type == EntryType::folder)
        DSTACK_CHECK(skip(entry.digest));
    }
    return {};
  }

  void add(TreeDifference::Entry entry) {
    add_way();
    difference_.entries.push_back(std::move(entry));
  }

  void add_way() {
    for (; way_added_ < way_.size(); ++way_added_)
      difference_.entries.push_back(way_[way_added_]);
  }

  const ObjectStore& objects_;
  Times ours_;
  Times base_;
  const std::size_t most_;
  std::vector<TreeDifference::Entry> way_;  ///< the folders that both have, down to where it is
  std::size_t way_added_ = 0;               ///< how many of them are in the difference
  TreeDifference difference_;
};

}  // namespace

Result<void> for_each_entry(const ObjectStore& objects,
                            const job::TreeReference& reference,
                            const Visit& visit) {
  DSTACK_TRY(std::vector<Attributes> times, read_times(objects, reference.times));
  Visitor visitor(objects, std::move(times), visit);
  DSTACK_CHECK(visitor.folder(reference.tree, "", 0));
  return visitor.finish();
}

Result<std::optional<TreeDifference>> find_difference(const ObjectStore& objects,
                                                      const job::TreeReference& tree,
                                                      const job::TreeReference& base,
                                                      std::size_t most) {
  DSTACK_TRY(std::vector<Attributes> times, read_times(objects, tree.times));
  DSTACK_TRY(std::vector<Attributes> base_times, read_times(objects, base.times));
  Comparison comparison(objects, std::move(times), std::move(base_times), most);
  DSTACK_CHECK(comparison.folder(tree.tree, base.tree, ""));
  return comparison.take();
}

}  // namespace dstack::store
