// "It works in a plain folder": a job that failed because its workspace is an overlay, or because
// it ran in a user namespace (docs/reference/workflows.md, "Workspaces").
#pragma once

#include "dstack/overlay/namespace.hpp"

#include <string>
#include <string_view>

namespace dstack::run {

/// Searches the end of a job's log for what programs say of such failures. The sentence to show,
/// with the way out; or empty.
std::string explain_overlay_trouble(std::string_view log_end, overlay::Access access);

}  // namespace dstack::run
