#include "dstack/run/protocol/supervision.hpp"

#include "dstack/run/protocol/file_names.hpp"
#include "support/results.hpp"

#include <catch2/catch.hpp>

using namespace dstack;
using namespace dstack::run;

TEST_CASE("a folder that is missing was lost, or its run was removed") {
  const TemporaryFolder folder = test::value_of(TemporaryFolder::make(fs::temp_directory_path()));
  const files::Home home{folder.path()};
  // A runner that ends after its run was removed makes no folder of no run.
  CHECK_FALSE(test::value_of(take_run_lock(home, "calm-fox-7", WithoutFolder::removed)));
  CHECK_FALSE(test::value_of(ensure_supervised(home, "calm-fox-7", WithoutFolder::removed)));
  CHECK_FALSE(fs::exists(home.run("calm-fox-7")));
  // A power cut has taken that of a run on record.
  CHECK(test::value_of(take_run_lock(home, "calm-fox-7")));
  CHECK(fs::exists(home.run("calm-fox-7") / file_names::run_lock));
}
