// Where the program's files are installed.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack {

/// `../lib/dstack`, relative to the program: its providers and its other parts.
Path library_folder();

}  // namespace dstack
