// Programs that outlive whoever starts them.
#pragma once

#include "dstack/process/spawn.hpp"

namespace dstack::process {

/// Starts a command in a session of its own and as nobody's child, also where the caller adopts
/// the orphans below it. Returns when it runs; how it ends is not reported. No other thread of the
/// caller may be waiting for children.
Result<void> spawn_detached(Command command);

}  // namespace dstack::process
