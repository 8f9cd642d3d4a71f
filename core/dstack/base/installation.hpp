// Where what belongs to the program is installed.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack {

/// `../lib/dstack`, seen from where the program lies: its providers and its other parts.
Path library_folder();

}  // namespace dstack
