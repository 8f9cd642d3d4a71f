// Files, folders and links on disk, as values.
#pragma once

#include "dstack/base/sha256.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dstack::files {

enum class EntryType { file, executable, folder, link };

/// A file on disk, as far as it can be known without reading it: while this stays the same, so does
/// the content.
struct FileState {
  EntryType type = EntryType::file;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::int64_t changed = 0;   ///< the same, of the inode (ctime)

  bool operator==(const FileState&) const = default;
};

/// A file that was found below a folder.
struct FoundFile {
  std::string path;      ///< in the tree, and below the folder that is captured
  FileState state = {};  ///< as found before it is read; afterwards as it was read
  std::optional<Digest> digest =
      {};  ///< given: it is not read (the project's index); else filled in
};

}  // namespace dstack::files
