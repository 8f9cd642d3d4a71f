// What an overlay has written into its upper folder, once nothing uses it any more: new and changed
// files as they are, and which of the lower ones are no longer seen; and how that is made by hand.
// Needs no mount.
// Source: the kernel's Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/walk.hpp"

#include <set>
#include <string>
#include <string_view>

namespace dstack::overlay {

struct Written {
  /// Files, links and folders; a folder may be there only for what is in it.
  files::Walk walk;
  std::set<std::string, std::less<>> removed;  ///< paths that a lower folder may have
  std::set<std::string, std::less<>> opaque;   ///< folders that show nothing of lower ones
  std::set<std::string, std::less<>> files;    ///< paths of what is no folder

  /// Whether what a lower folder has at `path` is not seen: it was removed or replaced, or a folder
  /// above it was. A folder that is in both is seen.
  bool hides(std::string_view path) const;

  bool empty() const { return files.empty() && removed.empty() && opaque.empty(); }
};

Result<Written> read_written(const Path& folder);

/// Makes, in a folder that will be one of an overlay's, that what lower ones have under this name
/// is not seen. Takes no privilege since Linux 5.8.
Result<void> hide(int folder, const std::string& name);

}  // namespace dstack::overlay
