// Whether a home may be used: it is the caller's own, or root's, and nobody else can write there.
#pragma once

#include "dstack/files/home.hpp"

namespace dstack::files {

/// configuration: what is there, or would be made there, is not believed (trust/belief.hpp): it
/// says whose it is, and what to do. To be asked before anything of the home is read.
Result<void> believe_home(const Home& home);

}  // namespace dstack::files
