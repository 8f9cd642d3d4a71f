// How much the code of a run is, where that is much.
#pragma once

#include "dstack/source/snapshot.hpp"

#include <string>

namespace dstack::cli {

/// So much that the user should know.
bool is_large(const source::Amount& code);
/// "the code of this run is 12000 files, 1.4 GB".
std::string describe(const source::Amount& code);

}  // namespace dstack::cli
