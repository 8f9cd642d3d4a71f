// The second layer of an environment: the compiled files of its packages. Compiling takes longer
// than installing, so the first jobs run without. It lies beside the environment, and every folder
// with sources has a link `__pycache__` into it from the beginning: nothing in the environment
// changes when the layer appears, which it does as a whole.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::python {

/// Where the layer of an environment is, once it is there.
Path compiled_folder(const Path& environment);

/// Makes the links in an environment that is being built. Folders that have a `__pycache__` keep
/// theirs.
Result<void> link_compiled(const Path& environment);

/// Removes the layer and its record (content_record.hpp), if they are there. Jobs that have the
/// environment compile what they import from now on.
Result<void> remove_compiled(const Path& environment);

/// Starts compiling, unless it was done or is under way: a process that outlives the caller, with
/// the lowest priority there is. One that is killed leaves nothing that is used, and the next job
/// starts another. A failure is only logged: the environment works without.
void compile_in_background(const Path& environment);

}  // namespace dstack::python
