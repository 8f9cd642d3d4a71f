// Runs that are to be removed, or were.
#pragma once

#include "command_line/context.hpp"
#include "dstack/store/space/unneeded.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::cli {

/// What `--dry-run` prints; `nothing` says that there is none. The exit code.
int list_removal(Context& context,
                 const std::vector<store::RunRecord>& runs,
                 bool json,
                 bool with_projects,
                 const std::string& nothing);

/// "removed 3 runs, 1.2 GB freed".
std::string describe_removal(std::size_t runs, const store::Removed& freed);

}  // namespace dstack::cli
