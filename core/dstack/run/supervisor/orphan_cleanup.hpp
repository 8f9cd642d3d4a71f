// What a job leaves behind whose runner was killed: its processes, its control groups, its
// container.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/run/protocol/run_order.hpp"

#include <cstddef>
#include <string>

namespace dstack::run {

/// Ends all that is left of an attempt of a job, which has no runner any more. An error: its
/// container is still there, and how it can be removed.
Result<void> end_orphans(const files::Home& home,
                         const RunOrder& order,
                         std::size_t job,
                         std::size_t attempt);

/// Removes the files of a run that a supervisor or a runner was about to write when it was killed.
/// For the supervisor that comes after: nobody else writes in the folders of the run's own.
void remove_unfinished_files(const files::Home& home, const std::string& run);

/// Ends what is left of a gang whose runners were killed together with the supervisor of their
/// run, and gives the run a supervisor, which records that. Does nothing if the run has a
/// supervisor, or is over. `leader` stands for the gang.
void end_orphaned_gang(const files::Home& home, const std::string& run, std::size_t leader);

}  // namespace dstack::run
