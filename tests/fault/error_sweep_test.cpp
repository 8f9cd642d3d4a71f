// Any call of a process of dstack fails, with any error that it can have: the verdict is right, or
// there is an error with its cause, nothing is lost or stuck, and the same command works again.
#include "faults.hpp"
#include "scenarios.hpp"

#include <cstdlib>

using namespace dstack::test;

namespace {

/// Of some commands not every call is answered rightly yet (docs/reliability.md).
bool is_asked_for() {
  return std::getenv("DSTACK_SWEEP") != nullptr || std::getenv("DSTACK_SWEEP_POINT") != nullptr;
}

constexpr const char* known_to_fail =
    "some of these calls are known to be answered wrongly; DSTACK_SWEEP=sample tries them";

}  // namespace

TEST_CASE("any call fails: a run with a dependency and artifacts") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(run_with_dependency());
}

TEST_CASE("any call fails: the first run of a home") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(first_run());
}

TEST_CASE("any call fails: a run of 30 jobs") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(run_many_jobs());
}

TEST_CASE("any call fails: a stop") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(stop_run());
}

TEST_CASE("any call fails: an abort") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(abort_run());
}

TEST_CASE("any call fails: adding a tag") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(add_tag());
}

TEST_CASE("any call fails: deleting a tag") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(delete_tag());
}

TEST_CASE("any call fails: a download") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(download_artifacts());
}

TEST_CASE("any call fails: removing a run") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(remove_run());
}

TEST_CASE("any call fails: the first command in a home of an earlier version") {
  skip_if_sanitized();
  sweep_errors(upgrade_home());
}

TEST_CASE("any call fails: adding a secret") {
  skip_if_sanitized();
  sweep_errors(add_secret());
}

TEST_CASE("any call fails: deleting a secret") {
  skip_if_sanitized();
  sweep_errors(delete_secret());
}

TEST_CASE("any call fails: bringing changes into the project") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(apply_changes());
}

TEST_CASE("any call fails: writing the code of a run") {
  skip_if_sanitized();
  if (!is_asked_for())
    SKIP(known_to_fail);
  sweep_errors(write_code());
}
