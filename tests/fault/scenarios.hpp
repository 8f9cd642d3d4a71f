// What the sweeps do again and again. A new one: a function in scenarios.cpp, its name here, and a
// test case in kill_sweep_test.cpp and error_sweep_test.cpp.
#pragma once

#include "sweep.hpp"

namespace dstack::test {

/// A run whose second job uses an artifact of the first, saves one of its own, and changes a file.
Scenario run_with_dependency();
/// The same in a home that is not there yet.
Scenario first_run();
/// Thirty plain jobs, which share a runner.
Scenario run_many_jobs();
Scenario stop_run();
Scenario abort_run();
Scenario add_tag();
Scenario delete_tag();
Scenario download_artifacts();
Scenario remove_run();
/// The first command after an upgrade of the program.
Scenario upgrade_home();
Scenario add_secret();
Scenario delete_secret();
Scenario apply_changes();
Scenario write_code();

}  // namespace dstack::test
