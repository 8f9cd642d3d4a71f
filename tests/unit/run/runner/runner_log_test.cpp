// Lines of the runner between those of the job, and states in the file before the mailbox.
#include "dstack/run/runner/runner_log.hpp"

#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/runner/state_reporter.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

void write_output(RunnerLog& log, const std::string& text) {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  REQUIRE(write_all(pipe->write_end.get(), text));
  REQUIRE(log.writer().move_from(pipe->read_end.get()));
}

}  // namespace

TEST_CASE("a line of the runner begins a new line, and the job's output goes on behind it") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  auto log = RunnerLog::open(folder.path());
  REQUIRE(log);
  REQUIRE(log->say("first"));
  write_output(*log, "half a line");
  REQUIRE(log->say("second"));
  write_output(*log, "more\n");
  REQUIRE(log->say("third"));
  CHECK(*JobLog(folder.path()).read(0, 1000) ==
        "dstack: first\nhalf a line\ndstack: second\nmore\ndstack: third\n");
}

TEST_CASE("the tail of a later attempt holds nothing of those before it") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  {
    auto log = RunnerLog::open(folder.path());
    REQUIRE(log);
    write_output(*log, "of the first\n");
    CHECK(log->tail() == "of the first\n");
  }
  auto log = RunnerLog::open(folder.path());
  REQUIRE(log);
  REQUIRE(log->begin_attempt(2, 3));
  CHECK(log->tail().empty());
  write_output(*log, "of the second\n");
  CHECK(log->tail() == "of the second\n");
  CHECK(*JobLog(folder.path()).read(0, 1000) ==
        "of the first\ndstack: attempt 2 of 3\nof the second\n");
}

TEST_CASE("a state is a line of the file and a message, and needs no listener") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  const Path attempt = folder.path() / "attempt";
  REQUIRE(make_folders(attempt));
  JobOrder order;
  order.index = 3;
  order.attempt = 2;
  order.clock = {"this boot", monotonic_now()};
  const auto reporter = StateReporter::open(folder.path(), attempt, order);
  REQUIRE(reporter);
  reporter->report(job::Status::preparing);
  auto mailbox = Mailbox::open(folder.path());
  REQUIRE(mailbox);
  reporter->report(job::Status::running);

  const auto message = mailbox->take();
  REQUIRE(message);
  const auto state = parse_state(*message);
  REQUIRE(state);
  CHECK(state->job == 3);
  CHECK(state->attempt == 2);
  CHECK(state->status == job::Status::running);
  CHECK(state->elapsed >= std::chrono::milliseconds(0));
  CHECK_FALSE(mailbox->take());
  const auto text = read_file(attempt / file_names::states);
  REQUIRE(text);
  CHECK(text->ends_with("\n" + *message + "\n"));
  CHECK(std::count(text->begin(), text->end(), '\n') == 2);
}
