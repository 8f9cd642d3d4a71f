#include "dstack/store/objects/objects.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/store/objects/capture.hpp"
#include "dstack/store/objects/publication.hpp"
#include "dstack/store/objects/stored_tree.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
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

void warn_of_special(const std::vector<std::string>& paths, std::vector<std::string>& warnings) {
  if (!paths.empty())
    warnings.push_back(fmt::format("{}{} left out: neither file, folder nor link",
                                   quoted_list(paths),
                                   paths.size() == 1 ? " is" : " are"));
}

/// Reads what is below `folder`, an open folder.
Result<std::vector<files::FoundFile>> read_folder(int folder,
                                                  Publication& publication,
                                                  std::vector<std::string>& warnings) {
  DSTACK_TRY(files::Walk walk, files::walk_folder(folder, ""));
  std::sort(walk.special.begin(), walk.special.end());
  warn_of_special(walk.special, warnings);
  DSTACK_CHECK(read_contents(folder, walk.entries, publication, warnings));
  return std::move(walk.entries);
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

/// What is at `inside` below `root`, with paths below `path`.
Result<std::vector<files::FoundFile>> read_at(int root,
                                              const std::string& inside,
                                              const std::string& path,
                                              Publication& publication,
                                              std::vector<std::string>& warnings) {
  const Fd found(files::open_beneath(root, inside, O_PATH));
  struct stat status;
  if (!found || ::fstat(found.get(), &status) != 0)
    return fail_errno("cannot inspect '{}'", path);
  const auto state = files::file_state(status);
  if (!state)
    return fail(ErrorCode::unavailable, "'{}' is neither a file nor a folder", path);
  std::vector<files::FoundFile> entries;
  if (state->type != files::EntryType::folder) {
    entries.push_back({.path = inside, .state = *state});
    DSTACK_CHECK(read_contents(root, entries, publication, warnings));
    for (files::FoundFile& entry : entries)
      entry.path = path;
    return entries;
  }
  const Fd folder(files::open_beneath(root, inside, O_RDONLY | O_DIRECTORY));
  if (!folder)
    return fail_errno("cannot read the folder '{}'", path);
  DSTACK_TRY(entries, read_folder(folder.get(), publication, warnings));
  for (files::FoundFile& entry : entries)
    entry.path = path + "/" + entry.path;
  entries.push_back({.path = path, .state = *state});
  return entries;
}

/// Of a listing: what is at `match.inside`, and the folders above it, with paths as the match says.
Result<std::vector<files::FoundFile>> read_listed(int root,
                                                  const files::Listing& listing,
                                                  const files::Match& match,
                                                  Publication& publication,
                                                  std::vector<std::string>& warnings) {
  std::vector<files::FoundFile> entries;
  for (const files::FoundFile& entry : listing.entries)
    if (match.inside.empty() || is_below(entry.path, match.inside))
      entries.push_back(entry);
  DSTACK_CHECK(read_contents(root, entries, publication, warnings));
  for (files::FoundFile& entry : entries)
    entry.path.replace(0, match.inside.size(), match.path);
  for (std::string_view above = folder_of(match.path); !above.empty(); above = folder_of(above))
    if (const files::FoundFile* folder = listing.find(above);
        folder != nullptr && folder->state.type == files::EntryType::folder)
      entries.push_back(*folder);
  return entries;
}

using Entries = std::vector<files::FoundFile>;

/// One tree of what `read` finds for each of the matches.
Result<job::TreeReference> capture_each(
    const files::Home& home,
    const Path& root,
    const std::vector<files::Match>& matches,
    Originals originals,
    const std::function<Result<Entries>(int root, const files::Match&, Publication&)>& read) {
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home, originals);
  Entries entries;
  for (const files::Match& match : matches) {
    DSTACK_TRY(Entries found, read(folder.get(), match, publication));
    entries.insert(entries.end(),
                   std::make_move_iterator(found.begin()),
                   std::make_move_iterator(found.end()));
  }
  return finish(entries, publication);
}

}  // namespace

Result<job::TreeReference> ObjectStore::capture_folder(const Path& folder,
                                                       std::vector<std::string>& warnings) {
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_);
  DSTACK_TRY(std::vector<files::FoundFile> entries, read_folder(root.get(), publication, warnings));
  return finish(entries, publication);
}

Result<job::TreeReference> ObjectStore::capture_files(const Path& root,
                                                      std::vector<files::FoundFile>& files,
                                                      Known known,
                                                      std::vector<std::string>& warnings,
                                                      Progress* progress) {
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_);
  if (known == Known::perhaps)
    for (files::FoundFile& file : files) {
      const Kind kind =
          file.state.type == files::EntryType::executable ? Kind::executable : Kind::blob;
      if (file.digest && !publication.contains(kind, *file.digest, file.state.size))
        file.digest.reset();
    }
  DSTACK_CHECK(read_contents(folder.get(), files, publication, warnings, progress));
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
                                                        Originals originals) {
  return capture_each(
      home_,
      root,
      matches,
      originals,
      [&](int folder, const files::Match& match, Publication& publication) -> Result<Entries> {
        DSTACK_TRY(Entries found, read_at(folder, match.inside, match.path, publication, warnings));
        for (files::FoundFile& above : folders_above(folder, match.path))
          found.push_back(std::move(above));
        return found;
      });
}

Result<job::TreeReference> ObjectStore::capture_listed(const Path& root,
                                                       const files::Listing& listing,
                                                       const std::vector<files::Match>& matches,
                                                       std::vector<std::string>& warnings,
                                                       Originals originals) {
  return capture_each(home_,
                      root,
                      matches,
                      originals,
                      [&](int folder, const files::Match& match, Publication& publication) {
                        return read_listed(folder, listing, match, publication, warnings);
                      });
}

Result<Tree> ObjectStore::read_tree(const Digest& tree) const {
  const Path path = home_.root / object_name(Kind::tree, tree);
  DSTACK_TRY(const std::string text, read_file(path));
  if (sha256(text) != tree)
    return fail(ErrorCode::internal, "the store holds a damaged tree '{}'", path.string());
  return parse_tree(text);
}

Result<std::string> ObjectStore::read_blob(const Digest& blob) const {
  Path path = blob_path(blob, false);
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0)
    path = blob_path(blob, true);
  DSTACK_TRY(std::string bytes, read_file(path));
  if (sha256(bytes) != blob)
    return fail(ErrorCode::internal, "the store holds a damaged file '{}'", path.string());
  return bytes;
}

Path ObjectStore::blob_path(const Digest& blob, bool executable) const {
  return home_.root / object_name(executable ? Kind::executable : Kind::blob, blob);
}

bool ObjectStore::has_tree(const job::TreeReference& reference) const {
  struct stat status;
  return ::lstat((home_.root / object_name(Kind::tree, reference.tree)).c_str(), &status) == 0 &&
         ::lstat((home_.root / object_name(Kind::times, reference.times)).c_str(), &status) == 0;
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
