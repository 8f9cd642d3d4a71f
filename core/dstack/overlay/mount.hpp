// Mounting an overlay: read-only lower folders, and one above them that takes what is written.
// Source: the kernel's Documentation/filesystems/overlayfs.rst.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/overlay/namespace.hpp"

#include <string>
#include <vector>

namespace dstack::overlay {

struct Overlay {
  /// The folder that holds the lower ones, and their names in it: without ',', ':' or '\', the
  /// first is the uppermost. At least one.
  Path lower_in;
  std::vector<std::string> lower;
  Path written;  ///< what is written; on a file system that has extended attributes
  Path work;     ///< the kernel's own, empty and on the same file system
  Path at;       ///< where all of it is seen
};

/// How the folders are passed to the kernel.
enum class Options {
  one_by_one,  ///< fsconfig(2), since Linux 6.8; `text` where the kernel is older
  text,        ///< mount(2): all of them in less than a page, about 220 folders of 16 characters
};

/// The most lower folders that any kernel takes.
inline constexpr std::size_t most_layers = 500;

/// For a process inside a Namespace; its working directory is / afterwards. What is written is
/// brought to the disk by nobody but who reads it later: the mount is volatile, so that its end
/// costs nothing. Renaming a folder of a lower one fails with EXDEV. unavailable: nothing is
/// mounted, and the message says what the kernel refused, or that there are more lower folders than
/// it takes.
Result<void> mount(const Overlay& overlay,
                   const Namespace& in,
                   Options options = Options::one_by_one);

/// `folder` cannot be written to any more by this process and those that it starts.
Result<void> make_read_only(const Path& folder);

/// Takes away what is seen at `at`, if there is something: without waiting for anything.
void unmount(const Path& at);

/// Whether a process like this one can have overlays whose files are in `folder`: tries it in a
/// child. An error says what is refused, and its hint what would allow it.
Result<Access> try_in(const Path& folder);

}  // namespace dstack::overlay
