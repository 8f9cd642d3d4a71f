// What a confined process gives up for good beside what it does not see.
#pragma once

#include "dstack/base/error.hpp"

namespace dstack::sandbox {

/// All capabilities; root keeps those that concern its own files and processes. Root in a user
/// namespace, too: it could mount in it.
Result<void> drop_capabilities();

/// Where the kernel can (Landlock 6, Linux 6.12): no signals to processes outside, no connections
/// to abstract Unix sockets of theirs, which a network namespace alone would separate. This only
/// adds; with an older kernel nothing happens. With no_new_privs.
Result<void> scope_signals_and_sockets();

/// A network namespace begins with its loopback interface down.
Result<void> raise_loopback();

}  // namespace dstack::sandbox
