// Compiled with a JobSpec that has one more member, `priority` (insert_key.cmake).
#include "dstack/job/job_spec.hpp"
#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("a new key of a job is a member and a line: it is written, read and checked") {
  job::JobSpec job;
  job.argv = {"true"};
  CHECK_FALSE(Json(job).contains("priority"));
  job.priority = 7;
  CHECK(Json(job)["priority"] == 7);
  CHECK(job::parse_job(Json(job)).value() == job);

  Json wrong = job;
  wrong["priority"] = "high";
  CHECK(job::parse_job(wrong).error().message == "'priority' must be a whole number, 0 or more");
  wrong = job;
  wrong["priorty"] = 1;
  CHECK(job::parse_job(wrong).error().message ==
        "'job' has the unknown member 'priorty', did you mean 'priority'?");
}
