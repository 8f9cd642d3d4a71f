// Files, folders and links on disk, as values.
#pragma once

#include "dstack/base/sha256.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dstack::files {

enum class EntryType { file, executable, folder, link };

/// The permissions that a file or folder has if its owner takes none away.
constexpr std::uint32_t usual_mode(EntryType type) {
  return type == EntryType::file ? 0644 : 0755;
}

/// The mode to give to open(2) for what is written for the user, whose umask does the rest: as any
/// program would, less what was closed.
constexpr std::uint32_t mode_under_umask(EntryType type, std::uint32_t closed) {
  return closed == 0 ? usual_mode(type) | 0022 : usual_mode(type) & ~closed;
}

/// A file on disk, as far as it can be known without reading it: while this stays the same, so does
/// the content.
struct FileState {
  EntryType type = EntryType::file;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::int64_t changed = 0;   ///< the same, of the inode (ctime)
  std::uint32_t closed = 0;   ///< those of the usual permissions that it lacks; of a link none

  bool operator==(const FileState&) const = default;
};

/// A file that was found below a folder.
struct FoundFile {
  std::string path;      ///< in the tree, and below the folder that is captured
  FileState state = {};  ///< as found before it is read; afterwards as it was read
  std::optional<Digest> digest =
      {};  ///< given: it is not read (the project's index); else filled in
};

/// A folder that lacks some of the usual permissions.
struct ClosedFolder {
  std::string path;
  std::uint32_t closed = 0;

  bool operator==(const ClosedFolder&) const = default;
};

}  // namespace dstack::files
