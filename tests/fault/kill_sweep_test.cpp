// A process of dstack is killed at any of its calls: nothing that was acknowledged is lost, nothing
// is stuck, nothing stays behind, and the same command works again.
#include "faults.hpp"
#include "scenarios.hpp"

using namespace dstack::test;

TEST_CASE("killed at any call: a run with a dependency and artifacts") {
  SKIP_IF_SANITIZED();
  sweep_kills(run_with_dependency());
}

TEST_CASE("killed at any call: the first run of a home") {
  SKIP_IF_SANITIZED();
  sweep_kills(first_run());
}

TEST_CASE("killed at any call: a run of 30 jobs") {
  SKIP_IF_SANITIZED();
  sweep_kills(run_many_jobs());
}

TEST_CASE("killed at any call: a stop") {
  SKIP_IF_SANITIZED();
  sweep_kills(stop_run());
}

TEST_CASE("killed at any call: an abort") {
  SKIP_IF_SANITIZED();
  sweep_kills(abort_run());
}

TEST_CASE("killed at any call: adding a tag") {
  SKIP_IF_SANITIZED();
  sweep_kills(add_tag());
}

TEST_CASE("killed at any call: deleting a tag") {
  SKIP_IF_SANITIZED();
  sweep_kills(delete_tag());
}

TEST_CASE("killed at any call: a download") {
  SKIP_IF_SANITIZED();
  sweep_kills(download_artifacts());
}

TEST_CASE("killed at any call: removing a run") {
  SKIP_IF_SANITIZED();
  sweep_kills(remove_run());
}

TEST_CASE("killed at any call: the first command in a home of an earlier version") {
  SKIP_IF_SANITIZED();
  sweep_kills(upgrade_home());
}

TEST_CASE("killed at any call: adding a secret") {
  SKIP_IF_SANITIZED();
  sweep_kills(add_secret());
}

TEST_CASE("killed at any call: deleting a secret") {
  SKIP_IF_SANITIZED();
  sweep_kills(delete_secret());
}

TEST_CASE("killed at any call: bringing changes into the project") {
  SKIP_IF_SANITIZED();
  sweep_kills(apply_changes());
}

TEST_CASE("killed at any call: writing the code of a run") {
  SKIP_IF_SANITIZED();
  sweep_kills(write_code());
}
