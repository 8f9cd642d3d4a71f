// Who may read the memory of this process, alive or as a core file.
#pragma once

namespace dstack::process {

/// For the process that holds secrets and starts others: no process may read its memory, and it
/// leaves no core file. This does not apply to what it starts.
void deny_inspection();
/// For one that holds secrets and starts nothing: it leaves no core file, not even to a program
/// that collects them.
void disable_core_dumps();

}  // namespace dstack::process
