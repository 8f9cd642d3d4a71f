// The files that a confined process sees: a root of its own, on which only what a Confinement opens
// is mounted. Nothing of the machine's other files can be reached by a path, by a link or by `..`.
// Source: pivot_root(2), open_tree(2), mount_setattr(2), bubblewrap's way of doing it.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/sandbox/confinement.hpp"

namespace dstack::sandbox {

/// For a process with one thread in a mount namespace of its own, in which it may mount; its
/// working directory is / afterwards. Where the process ids are its own too, it must be the first
/// of them. An error leaves it useless: it has to end.
Result<void> enter_view(const Confinement& confinement);

}  // namespace dstack::sandbox
