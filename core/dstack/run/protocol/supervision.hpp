// That a run has a supervisor: whoever starts a run, follows it, stops it, or ends one of its jobs
// sees to it.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/process/spawn.hpp"

#include <optional>
#include <string>

namespace dstack::run {

/// Starts one, detached. It takes the lock itself; two at once do no harm. Whoever does not want to
/// know how it ends lets go of the child.
Result<process::Child> start_supervisor(const files::Home& home, const std::string& run);

/// Starts one where the lock is free. Looking takes the lock for an instant, and a supervisor that
/// is being born meanwhile gives way: so whoever finds it free has to start one, and only this
/// looks. Gives what it has started.
Result<std::optional<process::Child>> ensure_supervised(const files::Home& home,
                                                        const std::string& run);

/// Why a run has none, told to whoever wanted one: the run is on record all the same.
Error without_supervisor(const std::string& run, Error why);

}  // namespace dstack::run
