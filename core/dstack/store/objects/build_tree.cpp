#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/capture.hpp"

#include <algorithm>

namespace dstack::store {

namespace {

/// Paths in the order of a walk through the tree: by component, so that what is in a folder follows
/// it at once.
bool comes_before(const files::FoundFile& a, const files::FoundFile& b) {
  const std::string& left = a.path;
  const std::string& right = b.path;
  const std::size_t length = std::min(left.size(), right.size());
  for (std::size_t i = 0; i < length; ++i) {
    if (left[i] == right[i])
      continue;
    if (left[i] == '/' || right[i] == '/')
      return left[i] == '/';
    return static_cast<unsigned char>(left[i]) < static_cast<unsigned char>(right[i]);
  }
  return left.size() < right.size();
}

/// The component of `path` that begins at `begin`.
std::string_view component(const std::string& path, std::size_t begin) {
  const std::size_t slash = path.find('/', begin);
  return std::string_view(path).substr(begin, slash == std::string::npos ? slash : slash - begin);
}

class Builder {
 public:
  Builder(const std::vector<files::FoundFile>& entries,
          const std::vector<files::ClosedFolder>& folders,
          Publication& publication)
      : entries_(entries), folders_(folders), publication_(publication) {}

  Result<job::TreeReference> build() {
    std::int64_t newest = 0;
    DSTACK_TRY(const TreeEntry root, build_folder(entries_.size(), 0, newest));
    const std::string times = render_times(times_);
    const Digest digest = sha256(times);
    DSTACK_CHECK(publication_.add(Kind::times, digest, times));
    return job::TreeReference{
        .tree = root.digest, .times = digest, .files = files_, .bytes = root.size};
  }

 private:
  /// Entries from next_ up to `last`, which all lie in one folder; the names in it begin at `begin`
  /// of their paths.
  Result<TreeEntry> build_folder(std::size_t last, std::size_t begin, std::int64_t& newest) {
    Tree tree;
    std::uint64_t size = 0;
    while (next_ < last) {
      DSTACK_TRY(TreeEntry entry, build_entry(last, begin, newest));
      size += entry.size;
      tree.entries.push_back(std::move(entry));
    }
    const std::string text = render_tree(tree);
    const Digest digest = sha256(text);
    DSTACK_CHECK(publication_.add(Kind::tree, digest, text));
    return TreeEntry{.type = files::EntryType::folder, .digest = digest, .size = size, .name = {}};
  }

  Result<TreeEntry> build_entry(std::size_t last, std::size_t begin, std::int64_t& newest) {
    const files::FoundFile& first = entries_[next_];
    const std::string_view name = component(first.path, begin);
    const std::size_t end = end_of(name, begin, last);
    const bool is_itself = begin + name.size() == first.path.size();
    if (is_itself)
      ++next_;
    if (is_itself && first.state.type != files::EntryType::folder) {
      next_ = end;  // an entry below a file comes from a race
      times_.push_back({first.state.modified, first.state.closed});
      newest = std::max(newest, first.state.modified);
      ++files_;
      return TreeEntry{.type = first.state.type,
                       .digest = *first.digest,
                       .size = first.state.size,
                       .name = std::string(name)};
    }
    const std::size_t own_time = times_.size();
    times_.push_back({.closed = is_itself ? first.state.closed
                                          : closed_of(first.path.substr(0, begin + name.size()))});
    std::int64_t newest_inside = 0;
    DSTACK_TRY(TreeEntry folder, build_folder(end, begin + name.size() + 1, newest_inside));
    times_[own_time].modified = is_itself ? first.state.modified : newest_inside;
    newest = std::max(newest, times_[own_time].modified);
    folder.name = name;
    return folder;
  }

  std::uint32_t closed_of(const std::string& folder) const {
    const auto found = std::lower_bound(
        folders_.begin(), folders_.end(), folder, [](const auto& known, const std::string& path) {
          return known.path < path;
        });
    return found != folders_.end() && found->path == folder ? found->closed : 0;
  }

  /// The first entry after next_ that has another name at this place.
  std::size_t end_of(std::string_view name, std::size_t begin, std::size_t last) const {
    std::size_t end = next_ + 1;
    while (end < last && component(entries_[end].path, begin) == name)
      ++end;
    return end;
  }

  const std::vector<files::FoundFile>& entries_;
  const std::vector<files::ClosedFolder>& folders_;  ///< sorted by path
  Publication& publication_;
  std::size_t next_ = 0;
  std::uint64_t files_ = 0;
  std::vector<Attributes> times_;
};

}  // namespace

Result<job::TreeReference> build_tree(std::vector<files::FoundFile>& entries,
                                      Publication& publication,
                                      const std::vector<files::ClosedFolder>& folders) {
  if (!std::is_sorted(entries.begin(), entries.end(), comes_before))
    std::sort(entries.begin(), entries.end(), comes_before);
  for (const files::FoundFile& entry : entries)
    DSTACK_CHECK(files::check_depth(entry.path));
  const auto is_same = [](const auto& a, const auto& b) { return a.path == b.path; };
  entries.erase(std::unique(entries.begin(), entries.end(), is_same), entries.end());
  return Builder(entries, folders, publication).build();
}

}  // namespace dstack::store
