#include "dstack/run/protocol/job_progress.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/wait.hpp"

using namespace dstack;
using namespace dstack::run;

TEST_CASE("long work for a job is seen by others until it is over") {
  const TemporaryFolder folder = test::value_of(TemporaryFolder::make(fs::temp_directory_path()));
  CHECK_FALSE(read_job_progress(folder.path()));
  {
    const ReportedJobWork work(folder.path(), "saving a model");
    expect_work({3, 4'000'000'000});
    count_work({1, 1'000'000'000});
    test::wait_until([&] { return read_job_progress(folder.path()).has_value(); });
    const auto progress = read_job_progress(folder.path());
    REQUIRE(progress);
    CHECK(progress->what == "saving a model");
    CHECK(progress->state.done == WorkAmount{1, 1'000'000'000});
    CHECK(progress->state.all == WorkAmount{3, 4'000'000'000});
  }
  CHECK_FALSE(read_job_progress(folder.path()));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("what a killed process has left of its progress is not that of the next one") {
  const TemporaryFolder folder = test::value_of(TemporaryFolder::make(fs::temp_directory_path()));
  const Path file = folder.path() / "progress";
  REQUIRE(write_file_atomically(file, "1 2 3 4 saving", Durable::no));
  CHECK(read_job_progress(folder.path()));
  const ReportedJobWork work(folder.path(), "saving");
  CHECK_FALSE(read_job_progress(folder.path()));
}

TEST_CASE("a damaged progress is none") {
  const TemporaryFolder folder = test::value_of(TemporaryFolder::make(fs::temp_directory_path()));
  for (const char* text : {"", "1 2 3 4", "1 2 3 x saving", "-1 2 3 4 saving"}) {
    REQUIRE(write_file_atomically(folder.path() / "progress", text, Durable::no));
    CHECK_FALSE(read_job_progress(folder.path()));
  }
}
