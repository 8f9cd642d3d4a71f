// What an environment consisted of when it was made, so that a change is found before a job runs
// it.
//
// Environments are read-only, but their owner can change that, and so can any job of his. The
// record lies beside the environment, `KEY.content`: for each file and link below it type, inode,
// size, times and SHA-256; before them a digest of all but the content, by which an environment
// that nothing has touched is known without comparing file by file.
#pragma once

#include "dstack/base/file.hpp"

#include <string>

namespace dstack::python {

/// Beside an environment's folder.
Path content_record_of(const Path& folder);

/// Where there is such a file beside an environment's folder, it was found changed: no job gets it
/// any more. It stays for those that have it.
Path changed_mark_of(const Path& folder);

/// Reads all of a finished environment, and writes the record. Durable when it returns.
Result<void> record_content(const Path& folder);

/// The first thing found that is not as it was recorded: "'lib/x.py' was changed"; empty: all is.
/// Content is read only where inode, size or times differ, as they do when another environment got
/// a link to the same file; the record is then written anew. Nothing is found where there is no
/// record, of an earlier version.
Result<std::string> find_change(const Path& folder);

}  // namespace dstack::python
