#include "dstack/store/objects/objects.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/store/objects/capture.hpp"
#include "dstack/store/objects/damage.hpp"
#include "dstack/store/objects/pins.hpp"
#include "dstack/store/objects/publication.hpp"
#include "dstack/store/objects/stored_content.hpp"
#include "dstack/store/objects/stored_tree.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <initializer_list>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::store {

namespace {

Result<job::TreeReference> finish(std::vector<files::FoundFile>& entries,
                                  Publication& publication,
                                  const std::vector<files::ClosedFolder>& folders = {}) {
  DSTACK_TRY(const job::TreeReference reference, build_tree(entries, publication, folders));
  DSTACK_CHECK(publication.publish());
  return reference;
}

void warn_of_special(std::vector<std::string> paths, std::vector<std::string>& warnings) {
  std::sort(paths.begin(), paths.end());
  if (!paths.empty())
    warnings.push_back(fmt::format("{}{} left out: neither file, folder nor link",
                                   quoted_list(paths),
                                   paths.size() == 1 ? " is" : " are"));
}

/// `at` without its last components when those are `path`; else the folder that it is in.
Path folder_before(const Path& at, const std::string& path) {
  std::string text = at.string();
  while (text.size() > 1 && text.back() == '/')
    text.pop_back();
  if (text.ends_with("/" + path))
    return text.substr(0, text.size() - path.size() - 1).empty()
               ? Path("/")
               : Path(text.substr(0, text.size() - path.size() - 1));
  return Path(text).parent_path().empty() ? Path(".") : Path(text).parent_path();
}

/// The folders above `path`, with the times that they have below `root`.
std::vector<files::FoundFile> folders_above(int root, const std::string& path) {
  std::vector<files::FoundFile> folders;
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    struct stat status;
    const std::string folder = path.substr(0, slash);
    if (::fstatat(root, folder.c_str(), &status, 0) != 0)
      continue;
    const auto state = files::file_state(status);
    if (state && state->type == files::EntryType::folder)
      folders.push_back({.path = folder, .state = *state});
  }
  return folders;
}

using Entries = std::vector<files::FoundFile>;

/// What is at `match.inside` below `root`, with paths from there.
Result<Entries> list_at(int root, const files::Match& match, std::vector<std::string>& warnings) {
  const Fd found(files::open_beneath(root, match.inside, O_PATH));
  struct stat status;
  if (!found || ::fstat(found.get(), &status) != 0)
    return fail_errno("cannot inspect '{}'", match.path);
  const auto state = files::file_state(status);
  if (!state)
    return fail(ErrorCode::unavailable, "'{}' is neither a file nor a folder", match.path);
  Entries entries{{.path = match.inside, .state = *state}};
  if (state->type != files::EntryType::folder)
    return entries;
  DSTACK_TRY(files::Walk walk, files::walk_folder(root, match.inside));
  for (std::string& path : walk.special)
    path.erase(0, match.inside.size() + 1);
  warn_of_special(std::move(walk.special), warnings);
  std::move(walk.entries.begin(), walk.entries.end(), std::back_inserter(entries));
  return entries;
}

/// Of a listing: what is at `match.inside`.
Entries list_at(const files::Listing& listing, const files::Match& match) {
  Entries entries;
  for (const files::FoundFile& entry : listing.entries)
    if (match.inside.empty() || is_below(entry.path, match.inside))
      entries.push_back(entry);
  return entries;
}

/// The folders of a listing above `path`.
Entries folders_above(const files::Listing& listing, const std::string& path) {
  Entries folders;
  for (std::string_view above = folder_of(path); !above.empty(); above = folder_of(above))
    if (const files::FoundFile* folder = listing.find(above);
        folder != nullptr && folder->state.type == files::EntryType::folder)
      folders.push_back(*folder);
  return folders;
}

/// How the entries of matches are found.
struct Finder {
  std::function<Result<Entries>(const files::Match&)> entries;
  std::function<Entries(const std::string& path)> folders_above;
};

/// Whether the paths of a tree of them are those on disk.
bool are_where_they_seem(const std::vector<files::Match>& matches) {
  return std::all_of(matches.begin(), matches.end(), [](const files::Match& match) {
    return match.path == match.inside;
  });
}

/// Those whose content is not in the store any more have to be read again.
void forget_missing(Entries& entries, Publication& publication) {
  for (files::FoundFile& file : entries) {
    const Kind kind =
        file.state.type == files::EntryType::executable ? Kind::executable : Kind::blob;
    if (file.digest && file.state.type != files::EntryType::folder &&
        !publication.contains(kind, *file.digest, file.state.size))
      file.digest.reset();
  }
}

/// One tree of what is found for each of the matches.
Result<job::TreeReference> capture_each(int root,
                                        const std::vector<files::Match>& matches,
                                        const Finder& find,
                                        Publication& publication,
                                        FileMemory* memory,
                                        std::vector<std::string>& warnings) {
  Entries entries;
  std::vector<std::size_t> ends;  // of the entries of each match
  for (const files::Match& match : matches) {
    DSTACK_TRY(Entries found, find.entries(match));
    std::move(found.begin(), found.end(), std::back_inserter(entries));
    ends.push_back(entries.size());
  }
  for (const files::Match& match : matches) {
    Entries above = find.folders_above(match.path);
    std::move(above.begin(), above.end(), std::back_inserter(entries));
  }
  if (memory != nullptr) {
    if (const auto known = memory->recall(entries); known && are_where_they_seem(matches))
      return *known;
    if (memory->known() == Known::perhaps)
      forget_missing(entries, publication);
  }
  DSTACK_CHECK(read_contents(root, entries, publication, warnings));
  Entries named = memory != nullptr ? entries : std::move(entries);
  std::size_t next = 0;
  for (std::size_t i = 0; i < matches.size(); ++i)
    for (; next < ends[i]; ++next)
      named[next].path.replace(0, matches[i].inside.size(), matches[i].path);
  drop_vanished(named);
  DSTACK_TRY(const auto tree, finish(named, publication));
  if (memory != nullptr)
    memory->remember(std::move(entries), tree);
  return tree;
}

}  // namespace

ObjectStore::ObjectStore(files::Home home, Users users)
    : home_(std::move(home)),
      packs_(std::make_shared<Packs>(home_.root / "packs")),
      pins_(users == Users::all_runs ? std::make_shared<Pins>(home_) : nullptr) {}

Result<job::TreeReference> ObjectStore::capture_folder(const Path& folder,
                                                       std::vector<std::string>& warnings) {
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_, *packs_, pins_.get());
  DSTACK_TRY(files::Walk walk, files::walk_folder(root.get(), ""));
  warn_of_special(std::move(walk.special), warnings);
  DSTACK_CHECK(read_contents(root.get(), walk.entries, publication, warnings));
  drop_vanished(walk.entries);
  return finish(walk.entries, publication);
}

Result<job::TreeReference> ObjectStore::capture_files(const Path& root,
                                                      std::vector<files::FoundFile>& files,
                                                      Known known,
                                                      std::vector<std::string>& warnings) {
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_, *packs_, pins_.get());
  if (known == Known::perhaps)
    forget_missing(files, publication);
  DSTACK_CHECK(read_contents(folder.get(), files, publication, warnings));
  drop_vanished(files);
  return finish(files, publication, files::closed_folders(folder.get(), files));
}

Result<job::TreeReference> ObjectStore::capture_at(const Path& at,
                                                   const std::string& path,
                                                   std::vector<std::string>& warnings,
                                                   Originals originals) {
  if (path.empty())
    return capture_folder(at, warnings);
  const Path root = folder_before(at, path);
  DSTACK_TRY(std::string inside, files::path_inside(root, at, path));
  return capture_matches(root, {{path, std::move(inside)}}, warnings, originals);
}

Result<job::TreeReference> ObjectStore::capture_matches(const Path& root,
                                                        const std::vector<files::Match>& matches,
                                                        std::vector<std::string>& warnings,
                                                        Originals originals,
                                                        FileMemory* memory) {
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_, *packs_, pins_.get(), originals);
  const Finder find{
      [&](const files::Match& match) { return list_at(folder.get(), match, warnings); },
      [&](const std::string& path) { return folders_above(folder.get(), path); }};
  return capture_each(folder.get(), matches, find, publication, memory, warnings);
}

Result<job::TreeReference> ObjectStore::capture_listed(const Path& root,
                                                       const files::Listing& listing,
                                                       const std::vector<files::Match>& matches,
                                                       std::vector<std::string>& warnings,
                                                       Originals originals) {
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_, *packs_, pins_.get(), originals);
  const Finder find{
      [&](const files::Match& match) -> Result<Entries> { return list_at(listing, match); },
      [&](const std::string& path) { return folders_above(listing, path); }};
  return capture_each(folder.get(), matches, find, publication, nullptr, warnings);
}

Result<Tree> ObjectStore::read_tree(const Digest& tree) const {
  DSTACK_TRY(const std::string text, read_object({Kind::tree}, tree));
  return parse_tree(text);
}

Result<std::string> ObjectStore::read_blob(const Digest& blob) const {
  return read_object({Kind::blob, Kind::executable}, blob);
}

/// The first of its kinds that is a file, or what a pack has. Nothing: there is no such file.
Result<std::optional<std::string>> ObjectStore::read_file_of(Kind kind,
                                                             const Digest& digest) const {
  const Path path = home_.root / object_name(kind, digest);
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0)
    return std::nullopt;
  DSTACK_TRY(const Fd file, open_file(path.string(), O_RDONLY));
  DSTACK_TRY(std::string bytes, read_all(file.get()));
  if (sha256(bytes) == digest)
    return std::optional(std::move(bytes));
  return Damage(home_).found(kind, digest, file.get(), "has other bytes than were saved");
}

Result<std::string> ObjectStore::read_object(std::initializer_list<Kind> kinds,
                                             const Digest& digest) const {
  std::optional<Error> damage;
  for (const Kind kind : kinds) {
    auto bytes = read_file_of(kind, digest);
    if (bytes && *bytes)
      return **std::move(bytes);
    if (!bytes && bytes.error().code != ErrorCode::damaged)
      return Failure(std::move(bytes).error());
    if (!bytes)
      damage = std::move(bytes).error();
  }
  auto packed = packs_->read(digest);
  if (packed && *packed)
    return **std::move(packed);
  if (!packed && packed.error().code == ErrorCode::damaged)
    return Damage(home_).found_in_pack(digest);
  if (!packed)
    return Failure(std::move(packed).error());
  return damage ? fail(*std::move(damage)) : Damage(home_).found_missing(*kinds.begin(), digest);
}

Result<Fd> ObjectStore::open_blob(const TreeFile& file) const {
  DSTACK_TRY(const Fd store, open_file(home_.root.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(StoredContent content,
             StoredContent::open(*this, store.get(), file.type, file.digest, file.size));
  return content.take_file();
}

Result<void> ObjectStore::prove(const TreeFile& file) const {
  DSTACK_TRY(const Fd store, open_file(home_.root.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(const StoredContent content,
             StoredContent::open(*this, store.get(), file.type, file.digest, file.size));
  return content.prove();
}

void ObjectStore::note_damage() const {
  Damage(home_).note("");
}

std::int64_t ObjectStore::damage_stamp() const {
  return Damage(home_).stamp();
}

Path ObjectStore::blob_path(const Digest& blob, bool executable) const {
  return home_.root / object_name(executable ? Kind::executable : Kind::blob, blob);
}

bool ObjectStore::has_tree(const job::TreeReference& reference) const {
  if (reference.tree == Digest{})
    return false;
  if (pins_) {
    pins_->add({Pin::What::tree, reference.tree});
    pins_->add({Pin::What::object, reference.times});
  }
  struct stat status;
  if (::lstat((home_.root / object_name(Kind::times, reference.times)).c_str(), &status) != 0)
    return false;
  if (::lstat((home_.root / object_name(Kind::tree, reference.tree)).c_str(), &status) == 0)
    return true;
  const auto packed = packs_->find(reference.tree, Packs::Newest::needed);
  return packed && *packed && (*packed)->is_kept();
}

Result<void> ObjectStore::hold(const job::TreeReference& reference) const {
  if (has_tree(reference))
    return {};
  return fail(ErrorCode::not_found, "the store lacks the tree '{}'", reference.tree.render())
      .with_hint(
          "its run may have been removed in this moment; 'dstack doctor --store' looks for "
          "damage");
}

std::uint64_t ObjectStore::generation() const {
  return pins_ ? pins_->generation() : 0;
}

Result<std::vector<TreeFile>> ObjectStore::list(const job::TreeReference& reference) const {
  std::vector<TreeFile> files;
  DSTACK_CHECK(
      for_each_entry(*this,
                     reference,
                     [&](std::string path, const TreeEntry& entry, const Attributes& attributes) {
                       if (entry.type != files::EntryType::folder)
                         files.push_back({std::move(path),
                                          entry.type,
                                          entry.digest,
                                          entry.size,
                                          attributes.modified,
                                          attributes.closed});
                     }));
  std::sort(files.begin(), files.end(), [](const TreeFile& a, const TreeFile& b) {
    return a.path < b.path;
  });
  return files;
}

Result<std::vector<TreeFolder>> ObjectStore::list_folders(
    const job::TreeReference& reference) const {
  std::vector<TreeFolder> folders;
  DSTACK_CHECK(for_each_entry(
      *this,
      reference,
      [&](std::string path, const TreeEntry& entry, const Attributes& attributes) {
        if (entry.type == files::EntryType::folder)
          folders.push_back({std::move(path), attributes.modified, attributes.closed});
      }));
  std::sort(folders.begin(), folders.end(), [](const TreeFolder& a, const TreeFolder& b) {
    return a.path < b.path;
  });
  return folders;
}

}  // namespace dstack::store
