// Whether the file system of a folder provides the locks that dstack needs. NFS without its lock
// service, and some other file systems, refuse them.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::files {

/// Takes both kinds of locks on a temporary file of the folder: flock(2), as dstack itself does,
/// and fcntl(2), as SQLite does. ErrorCode::unavailable, with the folder, the reason and the way
/// out, when one is refused. A folder in which no file can be made is not judged: that is another
/// error, reported by whatever has to write there.
Result<void> try_locks_in(const Path& folder);

}  // namespace dstack::files
