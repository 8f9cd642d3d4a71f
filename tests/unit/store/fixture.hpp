// A home of its own for each test, and short ways to fill it.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/records.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

#include <unistd.h>

namespace dstack::store {

/// A folder below the system's temporary folder that goes with the object.
inline TemporaryFolder make_test_folder() {
  const char* set = std::getenv("TMPDIR");
  auto folder =
      TemporaryFolder::make(set != nullptr && *set != '\0' ? set : "/tmp", "dstack-store-test-");
  REQUIRE(folder);
  return std::move(*folder);
}

inline void write_file(const Path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path.string(), std::ios::binary) << text;
}

using test::failure_of;
using test::value_of;

inline void require_ok(const Result<void>& result) {
  if (!result)
    FAIL(render(result.error()));
}

/// Of captures in the home's temporary folder, beside the lists of those that may still be needed.
inline bool has_no_drafts(const files::Home& home) {
  for (fs::directory_iterator each(home.temporary()), end; each != end; ++each)
    if (!each->path().filename().string().starts_with("pins-"))
      return false;
  return true;
}

class TestHome {
 public:
  const files::Home& home() const { return home_; }

  Records open() const { return value_of(Records::open(home_)); }

 private:
  TemporaryFolder folder_ = make_test_folder();
  files::Home home_{folder_.path() / "home"};
};

inline NewRun new_run(std::string name, std::string project = "/project") {
  NewRun run;
  run.name = std::move(name);
  run.project = std::move(project);
  run.target = "train";
  run.machine = "machine";
  run.workflows = {{"download", "curl"}, {"train", "python"}};
  run.jobs = {{0, "aaaaaaaaaaaa"}, {1, "bbbbbbbbbbbb"}, {1, "cccccccccccc"}};
  run.plan = R"({"jobs":[]})";
  return run;
}

/// So long after the submission, by a wall clock that is decades behind.
inline job::Moment at(std::int64_t milliseconds) {
  const std::chrono::milliseconds elapsed(milliseconds);
  return {Timestamp(elapsed), elapsed};
}

inline RunChanges job_change(std::size_t job, job::Status status, std::int64_t when) {
  RunChanges changes;
  changes.jobs.push_back({.job = job, .status = status, .at = at(when)});
  changes.at = at(when);
  return changes;
}

inline RunChanges run_change(job::Status status, std::int64_t when) {
  RunChanges changes;
  changes.status = status;
  changes.at = at(when);
  return changes;
}

}  // namespace dstack::store
