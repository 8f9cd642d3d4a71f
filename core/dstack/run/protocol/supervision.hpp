// Makes sure that a run has a supervisor. Called by whatever starts a run, follows it, stops it, or
// ends one of its jobs.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/process/spawn.hpp"

#include <optional>
#include <string>

namespace dstack::run {

/// Starts one, detached. It takes the lock itself; two at once do no harm. The caller
/// may drop the child if it does not need to know how it ends.
Result<process::Child> start_supervisor(const files::Home& home, const std::string& run);

/// Starts one where the lock is free. Looking takes the lock for an instant, and a supervisor that
/// is starting meanwhile gives up: so whoever finds it free has to start one, and only this
/// function looks. Returns what it has started.
Result<std::optional<process::Child>> ensure_supervised(const files::Home& home,
                                                        const std::string& run);

/// The error of a run that has none, for the user: the run is recorded all the same.
Error without_supervisor(const std::string& run, Error why);

}  // namespace dstack::run
