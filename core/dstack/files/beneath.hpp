// Opening and looking at files below a folder without ever following a link, whatever the owner of
// the files does meanwhile. Internal to store/, source/ and run/runner.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/files/entry.hpp"

#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace dstack::files {

/// As openat(2), but every component of `path` is taken as it stands: a link on the way, or a way
/// out of the folder, fails with ELOOP or ENOTDIR. With O_PATH the last component may be a link,
/// and is then opened itself. -1 and errno on failure.
int open_beneath(int folder, const std::string& path, int flags);

/// Where `at` really is, from the real `root` on; `path` is how messages name it. unavailable when
/// a link on the way leads out of `root`.
Result<std::string> path_inside(const Path& root, const Path& at, const std::string& path);

/// Nothing for what is not a file, folder or link.
std::optional<FileState> file_state(const struct stat& status);

/// Those of the folders above `entries`, below `root`, that lack usual permissions; sorted by path.
std::vector<ClosedFolder> closed_folders(int root, const std::vector<FoundFile>& entries);

/// Whether errno says that a path does not lead to a file (any more).
bool is_missing(int error_number);

/// Refuses a path that the system could not open in one piece: what is that deep cannot be read
/// here, nor be laid out again.
Result<void> check_depth(const std::string& path);

}  // namespace dstack::files
