// Pipes in the place of files that Git opens: it would wait for them for ever. Internal to source/.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/file.hpp"

#include <vector>

namespace dstack::source {

/// Refuses the first of these that is there and neither a file nor a folder.
Result<void> refuse_pipes(const std::vector<Path>& files);

/// Looks at all of a repository that Git may be waiting for: rules in the work tree below `folder`,
/// and what is in the repository's own folder. Takes as long as listing them.
Result<void> look_for_pipes(const Path& folder, const Path& repository);

}  // namespace dstack::source
