#include "dstack/store/objects.hpp"

#include "dstack/base/text.hpp"
#include "dstack/store/beneath.hpp"
#include "dstack/store/capture.hpp"
#include "dstack/store/publication.hpp"
#include "dstack/store/stored_tree.hpp"
#include "dstack/store/tree_text.hpp"
#include "dstack/store/walk.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::store {

namespace {

Result<Digest> put(const Home& home, Kind kind, std::string_view bytes) {
  const Digest digest = sha256(bytes);
  Publication publication(home);
  DSTACK_CHECK(publication.add(kind, digest, bytes));
  DSTACK_CHECK(publication.publish());
  return digest;
}

Result<TreeReference> finish(std::vector<FileToCapture>& entries, Publication& publication) {
  DSTACK_TRY(const TreeReference reference, build_tree(entries, publication));
  DSTACK_CHECK(publication.publish());
  return reference;
}

void warn_of_special(const std::vector<std::string>& paths, std::vector<std::string>& warnings) {
  if (!paths.empty())
    warnings.push_back(quoted_list(paths) + (paths.size() == 1 ? " is" : " are") +
                       " left out: neither file, folder nor link");
}

/// Reads what is below `folder`, an open folder.
Result<std::vector<FileToCapture>> read_folder(int folder,
                                               Publication& publication,
                                               std::vector<std::string>& warnings) {
  DSTACK_TRY(Walk walk, walk_folder(folder, ""));
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
std::vector<FileToCapture> folders_above(int root, const std::string& path) {
  std::vector<FileToCapture> folders;
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    struct stat status;
    const std::string folder = path.substr(0, slash);
    if (::fstatat(root, folder.c_str(), &status, 0) != 0)
      continue;
    const auto state = file_state(status);
    if (state && state->type == EntryType::folder)
      folders.push_back({.path = folder, .state = *state});
  }
  return folders;
}

/// What stands at `inside` below `root`, with paths below `path`.
Result<std::vector<FileToCapture>> read_at(int root,
                                           const std::string& inside,
                                           const std::string& path,
                                           Publication& publication,
                                           std::vector<std::string>& warnings) {
  const Fd found(open_beneath(root, inside, O_PATH));
  struct stat status;
  if (!found || ::fstat(found.get(), &status) != 0)
    return fail_errno("cannot look at '" + path + "'");
  const auto state = file_state(status);
  if (!state)
    return fail(ErrorCode::unavailable, "'" + path + "' is neither a file nor a folder");
  std::vector<FileToCapture> entries;
  if (state->type != EntryType::folder) {
    entries.push_back({.path = inside, .state = *state});
    DSTACK_CHECK(read_contents(root, entries, publication, warnings));
    for (FileToCapture& entry : entries)
      entry.path = path;
    return entries;
  }
  const Fd folder(open_beneath(root, inside, O_RDONLY | O_DIRECTORY));
  if (!folder)
    return fail_errno("cannot read the folder '" + path + "'");
  DSTACK_TRY(entries, read_folder(folder.get(), publication, warnings));
  for (FileToCapture& entry : entries)
    entry.path = path + "/" + entry.path;
  entries.push_back({.path = path, .state = *state});
  return entries;
}

}  // namespace

Result<Digest> ObjectStore::put_file(const Path& source, bool executable) {
  DSTACK_TRY(const Fd file, open_file(source.string(), O_RDONLY | O_NOFOLLOW));
  Publication publication(home_);
  DSTACK_TRY(const Streamed content,
             read_file_content(
                 file.get(), executable ? EntryType::executable : EntryType::file, publication)
                 .map_error(while_doing("storing '" + source.string() + "'")));
  DSTACK_CHECK(publication.publish());
  return content.digest;
}

Result<Digest> ObjectStore::put_bytes(std::string_view bytes) {
  return put(home_, Kind::blob, bytes);
}

Result<Digest> ObjectStore::put_tree(const Tree& tree) {
  return put(home_, Kind::tree, render_tree(tree));
}

Result<TreeReference> ObjectStore::capture_folder(const Path& folder,
                                                  std::vector<std::string>& warnings) {
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_);
  DSTACK_TRY(std::vector<FileToCapture> entries, read_folder(root.get(), publication, warnings));
  return finish(entries, publication);
}

Result<TreeReference> ObjectStore::capture_files(const Path& root,
                                                 std::vector<FileToCapture>& files,
                                                 Known known,
                                                 std::vector<std::string>& warnings) {
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_);
  if (known == Known::perhaps)
    for (FileToCapture& file : files) {
      const Kind kind = file.state.type == EntryType::executable ? Kind::executable : Kind::blob;
      if (file.digest && !publication.contains(kind, *file.digest, file.state.size))
        file.digest.reset();
    }
  DSTACK_CHECK(read_contents(folder.get(), files, publication, warnings));
  return finish(files, publication);
}

Result<TreeReference> ObjectStore::capture_at(const Path& at,
                                              const std::string& path,
                                              std::vector<std::string>& warnings,
                                              Originals originals) {
  if (path.empty())
    return capture_folder(at, warnings);
  const Path root = folder_before(at, path);
  DSTACK_TRY(const std::string inside, path_inside(root, at, path));
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_RDONLY | O_DIRECTORY));
  Publication publication(home_, originals);
  DSTACK_TRY(std::vector<FileToCapture> entries,
             read_at(folder.get(), inside, path, publication, warnings));
  for (FileToCapture& above : folders_above(folder.get(), path))
    entries.push_back(std::move(above));
  return finish(entries, publication);
}

Result<Tree> ObjectStore::read_tree(const Digest& tree) const {
  const Path path = home_.root / object_name(Kind::tree, tree);
  DSTACK_TRY(const std::string text, read_file(path));
  if (sha256(text) != tree)
    return fail(ErrorCode::internal, "the store holds a damaged tree '" + path.string() + "'");
  return parse_tree(text);
}

Result<std::string> ObjectStore::read_blob(const Digest& blob) const {
  Path path = blob_path(blob, false);
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0)
    path = blob_path(blob, true);
  DSTACK_TRY(std::string bytes, read_file(path));
  if (sha256(bytes) != blob)
    return fail(ErrorCode::internal, "the store holds a damaged file '" + path.string() + "'");
  return bytes;
}

Path ObjectStore::blob_path(const Digest& blob, bool executable) const {
  return home_.root / object_name(executable ? Kind::executable : Kind::blob, blob);
}

bool ObjectStore::has_blob(const Digest& blob) const {
  struct stat status;
  return ::lstat(blob_path(blob, false).c_str(), &status) == 0 ||
         ::lstat(blob_path(blob, true).c_str(), &status) == 0;
}

bool ObjectStore::has_tree(const TreeReference& reference) const {
  struct stat status;
  return ::lstat((home_.root / object_name(Kind::tree, reference.tree)).c_str(), &status) == 0 &&
         ::lstat((home_.root / object_name(Kind::times, reference.times)).c_str(), &status) == 0;
}

Result<std::vector<TreeFile>> ObjectStore::list(const TreeReference& reference) const {
  std::vector<TreeFile> files;
  DSTACK_CHECK(for_each_entry(
      *this, reference, [&](std::string path, const TreeEntry& entry, std::int64_t modified) {
        if (entry.type != EntryType::folder)
          files.push_back({std::move(path), entry.type, entry.digest, entry.size, modified});
      }));
  std::sort(files.begin(), files.end(), [](const TreeFile& a, const TreeFile& b) {
    return a.path < b.path;
  });
  return files;
}

Result<std::vector<std::string>> ObjectStore::list_folders(const TreeReference& reference) const {
  std::vector<std::string> folders;
  DSTACK_CHECK(
      for_each_entry(*this, reference, [&](std::string path, const TreeEntry& entry, std::int64_t) {
        if (entry.type == EntryType::folder)
          folders.push_back(std::move(path));
      }));
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace dstack::store
