// Files and folders: core's path type and operations that the standard library lacks.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"

#include <boost/filesystem/directory.hpp>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>

#include <string>
#include <string_view>

namespace dstack {

namespace fs = boost::filesystem;
using Path = fs::path;

/// Opens a file for reading that may have come from anybody. Never waits for a pipe. What is no
/// regular file is refused, and so is one of /proc, which says what only this process may know, or
/// never ends: ErrorCode::configuration.
Result<Fd> open_source(const Path& path);
/// Whether open_source() would take what is open here.
bool is_source(int fd);
/// The whole content of what open_source() takes.
Result<std::string> read_file(const Path& path);
/// The same of a file of the kernel's, such as those in /proc.
Result<std::string> read_kernel_file(const Path& path);

/// What must survive a power cut when the call returns: nothing (it survives the process only),
/// the content (whoever finds the new name finds it whole), or the content and its name.
enum class Durable { no, content, yes };

/// Writes beside `path`, or in the folder `drafts` of the same file system, and renames, so that a
/// reader sees the old content or the new, never a part.
Result<void> write_file_atomically(const Path& path,
                                   std::string_view bytes,
                                   Durable durable,
                                   unsigned mode = 0644,
                                   const Path& drafts = {});
Result<void> make_folders(const Path& path);
/// fsync of a folder: after it, names made in the folder survive a power cut.
Result<void> sync_folder(const Path& path);
/// Removes a whole tree, also one with folders that lack the w or x bit. A missing one is not an
/// error. Never follows a link.
Result<void> remove_tree(const Path& path);

/// A temporary folder below `parent`, removed with the object.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make(const Path& parent, std::string_view prefix = "tmp-");
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const Path& path() const { return path_; }

  /// Keeps the folder: it was renamed, or is wanted.
  void keep() { path_.clear(); }

 private:
  TemporaryFolder() = default;
  Path path_;
};

/// A folder, or a link to one; false when that is unknown.
bool is_folder(const Path& path);
/// Without links, `.` and `..`; unchanged when it cannot be resolved.
Path real_path(const Path& path);
/// The same for a path of which only the beginning needs to exist, and absolute: `new/../old` is
/// `old`, before anything is made.
Path place_of_new(const Path& path);

/// The path as shown to users, relative to `base` when it is below it.
std::string display_path(const Path& path, const Path& base);

/// A path that a user wrote for use inside a workspace, in canonical form: `./data`, `data/` and
/// `data` are all "data", `.` is "". Nothing when it is absolute or leaves the folder by `..`.
std::optional<std::string> normal_relative_path(std::string_view text);

}  // namespace dstack
