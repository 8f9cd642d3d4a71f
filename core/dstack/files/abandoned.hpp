// What processes that died have left behind: in the home, and where a record in the home says so.
#pragma once

#include "dstack/files/home.hpp"

namespace dstack::files {

/// Removes it: staging folders, drafts in folders of the user's, files that were being written.
/// Never anything of a living process, which holds a lock on what it makes. For every command, as
/// it begins: cheap when there is nothing. What cannot be removed stays for the next one.
void remove_abandoned(const Home& home);

}  // namespace dstack::files
