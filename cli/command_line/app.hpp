// The program as a whole: finds the command among the words, gives it its context, turns its end
// into an exit code.
#pragma once

#include <string>
#include <vector>

namespace dstack::cli {

/// `words`: the command line without the program's name. Returns the exit code.
int run_app(const std::vector<std::string>& words);

}  // namespace dstack::cli
