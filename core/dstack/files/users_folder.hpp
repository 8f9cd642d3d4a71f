// A folder of the user's, into which something is written for them that may come from anybody: a
// job, an artifact, a project. Everything lands beneath it, nothing goes through a link below it,
// and nothing where Git finds a repository (base/git_name.hpp).
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

namespace dstack::files {

/// Paths are relative to the folder, and normal. For one thread, but for open_parent().
class UsersFolder {
 public:
  /// `folder` may be a link itself, for the user has named it.
  static Result<UsersFolder> open(const Path& folder);

  int fd() const { return root_.get(); }

  /// The open folder that `path` is in. None, with errno: ELOOP or ENOTDIR where something else has
  /// the place of a folder, EPERM where `path` is in a repository of Git.
  Fd open_parent(const std::string& path) const;

  /// The same, with the folders above `path` made first, and with what is wrong as an error.
  Result<Fd> make_parent(const std::string& path) const;

  /// The first thing on the way to the folder `path`, itself included, that is no folder: a link,
  /// or a file.
  std::optional<std::string> obstacle(const std::string& path) const;

  /// Makes the folder `path` and those above it, each with the mode that `mode_of` says of it, less
  /// what the umask does. What has the place of one is an error, ErrorCode::conflict.
  Result<void> make_folders(const std::string& path,
                            const std::function<mode_t(const std::string& path)>& mode_of) const;
  /// The same with usual modes.
  Result<void> make_folders(const std::string& path) const;

  /// Where `path` is, for messages.
  std::string shown(const std::string& path) const { return (folder_ / path).string(); }

 private:
  UsersFolder(Path folder, Fd root) : folder_(std::move(folder)), root_(std::move(root)) {}

  Path folder_;
  Fd root_;
};

/// The error for something that is not written because Git would find it.
Error in_git_repository(const std::string& shown);

}  // namespace dstack::files
