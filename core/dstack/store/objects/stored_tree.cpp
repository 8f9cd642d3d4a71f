#include "dstack/store/objects/stored_tree.hpp"

#include "dstack/files/entry.hpp"

namespace dstack::store {

namespace {

using Visit = std::function<void(std::string, const TreeEntry&, const Attributes&)>;

// A path has no more than 2,048 names on Linux; a tree that goes deeper was never captured.
constexpr std::size_t deepest = 2048;

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
      if (entry.type == files::EntryType::folder)
        DSTACK_CHECK(folder(entry.digest, prefix + entry.name + "/", depth + 1));
    }
    return {};
  }

  Result<void> finish() const { return next_ == times_.size() ? Result<void>() : mismatch(); }

 private:
  static Failure mismatch() {
    return fail(ErrorCode::internal, "the store holds a list of times that does not fit its tree");
  }

  const ObjectStore& objects_;
  const std::vector<Attributes> times_;
  const Visit& visit_;
  std::size_t next_ = 0;
};

Result<std::vector<Attributes>> read_times(const ObjectStore& objects, const Digest& digest) {
  const Path path = objects.home().root / object_name(Kind::times, digest);
  DSTACK_TRY(const std::string text, read_file(path));
  if (sha256(text) != digest)
    return fail(ErrorCode::internal, "the store holds a damaged list of times '{}'", path.string());
  return parse_times(text);
}

}  // namespace

Result<void> for_each_entry(const ObjectStore& objects,
                            const job::TreeReference& reference,
                            const Visit& visit) {
  DSTACK_TRY(std::vector<Attributes> times, read_times(objects, reference.times));
  Visitor visitor(objects, std::move(times), visit);
  DSTACK_CHECK(visitor.folder(reference.tree, "", 0));
  return visitor.finish();
}

}  // namespace dstack::store
