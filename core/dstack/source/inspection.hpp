// What is remarkable about files that are code: said once, before the run. Internal to source/.
#pragma once

#include "dstack/source/files.hpp"

namespace dstack::source {

/// Adds the links that lead out of the project, and a warning of files that are only pointers of
/// Git LFS. `root` is an open descriptor of the project's folder.
void inspect_files(int root, CodeFiles& code);

}  // namespace dstack::source
