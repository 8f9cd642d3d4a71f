#include "dstack/store/layers/layered_folder.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/overlay/written.hpp"
#include "dstack/store/objects/stored_tree.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

using files::EntryType;
using files::FoundFile;
using Entries = std::map<std::string, FoundFile, std::less<>>;

void erase_below(Entries& entries, const std::string& path) {
  entries.erase(entries.lower_bound(path + "/"), entries.lower_bound(path + "0"));
}

/// Over what is there: a folder joins a folder, everything else replaces it.
void put(Entries& entries, FoundFile entry) {
  const auto [at, is_new] = entries.try_emplace(entry.path);
  if (!is_new && entry.state.type != EntryType::folder &&
      at->second.state.type == EntryType::folder)
    erase_below(entries, entry.path);
  at->second = std::move(entry);
}

Result<void> add_tree(const job::TreeReference& tree,
                      const ObjectStore& objects,
                      Entries& entries) {
  return for_each_entry(
      objects, tree, [&](std::string path, const TreeEntry& entry, const Attributes& attributes) {
        FoundFile found{std::move(path), {}, {}};
        found.state.type = entry.type;
        found.state.size = entry.size;
        found.state.modified = attributes.modified;
        found.state.closed = attributes.closed;
        if (entry.type != EntryType::folder)
          found.digest = entry.digest;
        put(entries, std::move(found));
      });
}

Result<Entries> read_trees(const std::vector<job::TreeReference>& trees,
                           const ObjectStore& objects) {
  Entries entries;
  for (const job::TreeReference& tree : trees)
    DSTACK_CHECK(add_tree(tree, objects, entries));
  return entries;
}

std::vector<FoundFile> take_all(Entries entries) {
  std::vector<FoundFile> all;
  all.reserve(entries.size());
  for (auto& [path, entry] : entries)
    all.push_back(std::move(entry));
  return all;
}

void add_written(overlay::Written written, Entries& entries) {
  if (!written.empty())
    std::erase_if(entries, [&](const auto& entry) { return written.hides(entry.first); });
  for (FoundFile& entry : written.walk.entries)
    put(entries, std::move(entry));
}

Result<std::string> target_of(const FoundFile& link, const ObjectStore& objects, const Path& root) {
  if (link.digest)
    return objects.read_blob(*link.digest);
  char target[PATH_MAX + 1];
  const ssize_t size = ::readlink((root / link.path).c_str(), target, sizeof target);
  if (size < 0)
    return fail_errno("cannot read the link '{}'", link.path);
  return std::string(target, static_cast<std::size_t>(size));
}

std::string_view first_name(std::string_view path) {
  return path.substr(0, path.find('/'));
}

/// Whether a link in what was written is on the way to `path`, or at its end.
bool leads_through_link(const Path& written, const std::string& path) {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    struct stat status {};

    if (::lstat((written / path.substr(0, end)).c_str(), &status) != 0)
      return false;
    if (S_ISLNK(status.st_mode))
      return true;
    if (end == std::string::npos)
      return false;
  }
}

/// Whether what is at `path` can only have been written: no tree has a file or folder of the name
/// that it begins with.
Result<bool> is_only_written(const LayeredFolder& folder,
                             const ObjectStore& objects,
                             const std::string& path) {
  const std::string fixed = is_pattern(path) ? PathPattern(path).fixed_part() : path;
  if (fixed.empty() || leads_through_link(folder.written, fixed))
    return false;
  for (const job::TreeReference& reference : folder.trees) {
    DSTACK_TRY(const Tree tree, objects.read_tree(reference.tree));
    for (const TreeEntry& entry : tree.entries)
      if (entry.name == first_name(fixed))
        return false;
  }
  return true;
}

/// The trees of two folders of the same path; adds the files that they have in two versions.
Result<void> compare(const Digest& below,
                     const Digest& above,
                     const std::string& prefix,
                     const ObjectStore& objects,
                     std::vector<std::string>& differing) {
  if (below == above)
    return {};
  DSTACK_TRY(const Tree lower, objects.read_tree(below));
  DSTACK_TRY(const Tree upper, objects.read_tree(above));
  for (const TreeEntry& entry : upper.entries) {
    const auto found = std::lower_bound(
        lower.entries.begin(), lower.entries.end(), entry, [](const auto& a, const auto& b) {
          return a.name < b.name;
        });
    if (found == lower.entries.end() || found->name != entry.name)
      continue;
    const std::string path = prefix + entry.name;
    if (entry.type == EntryType::folder && found->type == EntryType::folder)
      DSTACK_CHECK(compare(found->digest, entry.digest, path + "/", objects, differing));
    else if (entry.type != found->type || entry.digest != found->digest)
      differing.push_back(path);
  }
  return {};
}

}  // namespace

Result<std::vector<FoundFile>> list_trees(const std::vector<job::TreeReference>& trees,
                                          const ObjectStore& objects) {
  DSTACK_TRY(Entries entries, read_trees(trees, objects));
  return take_all(std::move(entries));
}

Result<files::Listing> list(const LayeredFolder& folder, const ObjectStore& objects) {
  DSTACK_TRY(Entries entries, read_trees(folder.trees, objects));
  DSTACK_TRY(overlay::Written written, overlay::read_written(folder.written));
  add_written(std::move(written), entries);
  files::Listing listing;
  listing.seen_at = real_path(folder.seen_at);
  listing.target = [objects, root = folder.written](const FoundFile& link) {
    return target_of(link, objects, root);
  };
  listing.entries = take_all(std::move(entries));
  return listing;
}

Result<std::vector<files::Match>> find_matches(const LayeredFolder& folder,
                                               const ObjectStore& objects,
                                               const std::string& path) {
  DSTACK_TRY(const bool is_written, is_only_written(folder, objects, path));
  if (is_written)
    return files::find_matches(folder.written, path);
  DSTACK_TRY(const files::Listing listing, list(folder, objects));
  return files::find_matches(listing, path);
}

Result<std::optional<job::TreeReference>> capture(const LayeredFolder& folder,
                                                  ObjectStore& objects,
                                                  const std::string& path,
                                                  std::vector<std::string>& warnings,
                                                  Originals originals) {
  DSTACK_TRY(const bool is_written, is_only_written(folder, objects, path));
  if (is_written) {
    DSTACK_TRY(const auto matches, files::find_matches(folder.written, path));
    if (matches.empty())
      return std::nullopt;
    DSTACK_TRY(const auto tree,
               objects.capture_matches(folder.written, matches, warnings, originals));
    return std::optional(tree);
  }
  DSTACK_TRY(const files::Listing listing, list(folder, objects));
  DSTACK_TRY(const auto matches, files::find_matches(listing, path));
  if (matches.empty())
    return std::nullopt;
  DSTACK_TRY(const auto tree,
             objects.capture_listed(folder.written, listing, matches, warnings, originals));
  return std::optional(tree);
}

Result<std::vector<std::string>> replaced_files(const std::vector<job::TreeReference>& trees,
                                                std::size_t first,
                                                const ObjectStore& objects) {
  std::vector<std::string> replaced;
  // The trees so far with a name at their root.
  std::map<std::string, std::set<std::size_t>> having;
  for (std::size_t above = 0; above < trees.size(); ++above) {
    DSTACK_TRY(const Tree root, objects.read_tree(trees[above].tree));
    std::set<std::size_t> meeting;
    for (const TreeEntry& entry : root.entries) {
      std::set<std::size_t>& others = having[entry.name];
      meeting.insert(others.begin(), others.end());
      others.insert(above);
    }
    for (const std::size_t below : meeting)
      if (above >= first)
        DSTACK_CHECK(compare(trees[below].tree, trees[above].tree, "", objects, replaced));
  }
  std::sort(replaced.begin(), replaced.end());
  replaced.erase(std::unique(replaced.begin(), replaced.end()), replaced.end());
  return replaced;
}

}  // namespace dstack::store
