// What is true of a home at rest, whatever happened to the processes that worked in it.
#pragma once

#include "support/sandbox.hpp"

namespace dstack::test {

/// Whether a run, as `show --json` or `ps --json` has it, is over.
bool is_final(const Json& run);

/// Every run comes to its end, or lives as it should: broken (sweep.hpp) when one does neither, or
/// when a command does not answer.
void check_runs_end(const Sandbox& box);

/// When all runs are over: no process is left, every run has its folder and every folder its run,
/// and nothing temporary stands in the home or in the project.
void check_nothing_left(const Sandbox& box);

}  // namespace dstack::test
