// Any call of a process of dstack fails, with any error that it can have: the verdict is right, or
// there is an error with its cause, nothing is lost or stuck, and the same command works again.
#include "faults.hpp"
#include "scenarios.hpp"

using namespace dstack::test;

TEST_CASE("any call fails: a run with a dependency and artifacts") {
  SKIP_IF_SANITIZED();
  sweep_errors(run_with_dependency());
}

TEST_CASE("any call fails: the first run of a home") {
  SKIP_IF_SANITIZED();
  sweep_errors(first_run());
}

TEST_CASE("any call fails: a run of 30 jobs") {
  SKIP_IF_SANITIZED();
  sweep_errors(run_many_jobs());
}

TEST_CASE("any call fails: a stop") {
  SKIP_IF_SANITIZED();
  sweep_errors(stop_run());
}

TEST_CASE("any call fails: an abort") {
  SKIP_IF_SANITIZED();
  sweep_errors(abort_run());
}

TEST_CASE("any call fails: adding a tag") {
  SKIP_IF_SANITIZED();
  sweep_errors(add_tag());
}

TEST_CASE("any call fails: deleting a tag") {
  SKIP_IF_SANITIZED();
  sweep_errors(delete_tag());
}

TEST_CASE("any call fails: a download") {
  SKIP_IF_SANITIZED();
  sweep_errors(download_artifacts());
}

TEST_CASE("any call fails: removing a run") {
  SKIP_IF_SANITIZED();
  sweep_errors(remove_run());
}

TEST_CASE("any call fails: the first command in a home of an earlier version") {
  SKIP_IF_SANITIZED();
  sweep_errors(upgrade_home());
}

TEST_CASE("any call fails: adding a secret") {
  SKIP_IF_SANITIZED();
  sweep_errors(add_secret());
}

TEST_CASE("any call fails: deleting a secret") {
  SKIP_IF_SANITIZED();
  sweep_errors(delete_secret());
}

TEST_CASE("any call fails: bringing changes into the project") {
  SKIP_IF_SANITIZED();
  sweep_errors(apply_changes());
}

TEST_CASE("any call fails: writing the code of a run") {
  SKIP_IF_SANITIZED();
  sweep_errors(write_code());
}
