// Whose files are believed, as checks of 'doctor': the home, the project here, what is trusted.
#pragma once

#include "views/checks.hpp"

#include <vector>

namespace dstack::cli {

/// False: nothing of the home may be read.
bool check_belief(const Context& context, std::vector<Check>& checks);

}  // namespace dstack::cli
