// What signals, reports of agents and exit statuses do to the exit record.
#include "dstack/run/runner/outcome.hpp"

#include "support/catch.hpp"

#include <signal.h>

using namespace dstack;
using namespace dstack::run;

namespace {

AgentReport end_report(job::Cause cause, const std::string& message) {
  AgentReport report;
  report.cause = cause;
  report.message = message;
  return report;
}

}  // namespace

TEST_CASE("a signal to stop counts once, and not for a job that has exceeded its timeout") {
  ExitRecord record;
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    CHECK(requested_stop(number, record) == job::StopRequest::stop);
  record.stop = job::StopRequest::stop;
  CHECK_FALSE(requested_stop(SIGTERM, record));
  ExitRecord late;
  late.cause = job::Cause::timeout;
  CHECK_FALSE(requested_stop(SIGTERM, late));
}

TEST_CASE("a job that has exceeded its disk is not asked to stop once more") {
  ExitRecord record;
  record.cause = job::Cause::disk;
  CHECK_FALSE(requested_stop(SIGTERM, record));
  CHECK(requested_stop(SIGUSR1, record) == job::StopRequest::abort);
}

TEST_CASE("an abort counts whenever it comes, and nothing after it does") {
  ExitRecord record;
  record.cause = job::Cause::timeout;
  CHECK(requested_stop(SIGUSR1, record) == job::StopRequest::abort);
  record.cause.reset();
  record.stop = job::StopRequest::stop;
  CHECK(requested_stop(SIGUSR1, record) == job::StopRequest::abort);
  record.stop = job::StopRequest::abort;
  CHECK_FALSE(requested_stop(SIGTERM, record));
}

TEST_CASE("the end of a child asks for nothing") {
  CHECK_FALSE(requested_stop(SIGCHLD, ExitRecord()));
}

TEST_CASE("of a job that its agent could not start nothing has run, whatever the agent's end") {
  ExitRecord before;
  record_report(before, end_report(job::Cause::start, "no such image"));
  record_exit(before, process::Exited{125});
  CHECK(before.outcome == ExitRecord::Outcome::not_started);
  CHECK(before.cause == job::Cause::start);
  CHECK(before.message == "no such image");

  ExitRecord after;
  record_exit(after, process::Signaled{SIGKILL});
  record_report(after, end_report(job::Cause::start, "no such image"));
  CHECK(after.outcome == ExitRecord::Outcome::not_started);
}

TEST_CASE("an agent that reports why the job exited leaves the cause to the exit code") {
  ExitRecord record;
  record_report(record, end_report(job::Cause::exit, "the function failed"));
  record_exit(record, process::Exited{3});
  CHECK(record.outcome == ExitRecord::Outcome::exited);
  CHECK(record.number == 3);
  CHECK_FALSE(record.cause);
  CHECK(record.message == "the function failed");
}

TEST_CASE("an agent that reports a lack of memory gives the cause, and the exit code stays") {
  ExitRecord record;
  record_report(record, end_report(job::Cause::oom, "the container used up 1.0 GB of memory"));
  record_exit(record, process::Exited{137});
  CHECK(record.outcome == ExitRecord::Outcome::exited);
  CHECK(record.number == 137);
  CHECK(record.cause == job::Cause::oom);
}

TEST_CASE("usage and warnings of an agent are recorded, and say nothing of the end") {
  ExitRecord record;
  record.message = "it took longer than its timeout of 1m";
  record.cause = job::Cause::timeout;
  AgentReport report;
  report.usage.emplace().peak_memory = 7;
  report.warning = "some output is lost";
  record_report(record, report);
  CHECK(record.usage.peak_memory == 7);
  CHECK(record.warnings == std::vector<std::string>{"some output is lost"});
  CHECK(record.cause == job::Cause::timeout);
  CHECK(record.message == "it took longer than its timeout of 1m");
}

TEST_CASE("a job whose end was not seen counts as killed") {
  ExitRecord record;
  record_exit(record, std::nullopt);
  CHECK(record.outcome == ExitRecord::Outcome::signaled);
  CHECK(record.number == SIGKILL);
}

TEST_CASE("a signal that ended the job is recorded with its number") {
  ExitRecord record;
  record_exit(record, process::Signaled{SIGSEGV});
  CHECK(record.outcome == ExitRecord::Outcome::signaled);
  CHECK(record.number == SIGSEGV);
}

TEST_CASE("the line on a process killed for its memory names the limit, where there is one") {
  CHECK(oom_kill_sentence(0) ==
        "a process of the job was killed because the machine's memory was used up");
  CHECK(
      oom_kill_sentence(500'000'000) ==
      "a process of the job was killed because the 500.0 MB of memory that it asked for were used "
      "up; --memory gives it more");
}
