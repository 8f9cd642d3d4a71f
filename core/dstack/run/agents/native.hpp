// The process that is a native job: `dstack native`, an agent (run/protocol/agent.hpp). Loads the
// provider's library, calls its function, and ends with the code that it returns. SIGTERM only asks
// the function to end; the runner kills one that does not.
#pragma once

namespace dstack::run {

/// The whole life of the process; its order comes on descriptor 0.
int native_main();

}  // namespace dstack::run
