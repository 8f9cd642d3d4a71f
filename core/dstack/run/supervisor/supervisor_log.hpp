// The log of a supervisor: supervisor.log in its run's folder.
#pragma once

#include "dstack/base/file.hpp"

#include <string>

namespace dstack::run {

/// Nobody watches a supervisor: what it cannot record goes into a file beside its run, made only
/// then.
void complain(const Path& run_folder, const std::string& message);

}  // namespace dstack::run
