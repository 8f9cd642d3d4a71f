// Whom the kernel kills when the machine runs out of memory. A supervisor is small, and killing it
// frees nothing; the memory belongs to its jobs.
#pragma once

namespace dstack::process {

/// This process is among the last to be killed, where the user may say so (root may) and the user
/// has not chosen otherwise. Whatever it starts inherits that.
void protect_from_oom_killer();
/// Takes it back, for itself and for all that it starts.
void leave_to_oom_killer();

}  // namespace dstack::process
