// Runs that are to be removed, or were.
#pragma once

#include "command_line/context.hpp"
#include "dstack/store/records/records.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

/// What `--dry-run` prints; `nothing` says that there is none. The exit code.
int list_removal(Context& context,
                 const std::vector<store::RunRecord>& runs,
                 bool json,
                 bool with_projects,
                 const std::string& nothing);

/// Removes them, and says so: "removed 3 runs, 1.2 GB freed". A signal meanwhile does not leave a
/// run half removed. The exit code.
Result<int> remove_runs(Context& context,
                        store::Records& records,
                        const std::vector<store::RunRecord>& runs);

}  // namespace dstack::cli
