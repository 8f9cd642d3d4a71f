#include "command_line/exit_code.hpp"
#include "dstack/job/status.hpp"
#include "support/catch.hpp"

using namespace dstack;
using job::Cause;
using job::Status;

namespace {

int code_of(Status status,
            std::optional<Cause> cause = {},
            std::optional<int> exit_code = {},
            std::optional<int> signal = {}) {
  store::RunState state;
  state.run.status = status;
  state.run.first_failure = cause ? 1 : -1;
  state.jobs.resize(2);
  state.jobs[0].exit_code = 99;
  state.jobs[0].cause = Cause::exit;
  state.jobs[1].cause = cause;
  state.jobs[1].exit_code = exit_code;
  state.jobs[1].signal = signal;
  return cli::exit_code_of(state);
}

}  // namespace

TEST_CASE("a command that followed a run exits like the job that failed first") {
  CHECK(code_of(Status::done) == 0);
  CHECK(code_of(Status::failed, Cause::exit, 3) == 3);
  CHECK(code_of(Status::failed, Cause::signal, {}, 9) == 137);
  CHECK(code_of(Status::failed, Cause::timeout) == 124);
  CHECK(code_of(Status::failed, Cause::oom) == 137);
  CHECK(code_of(Status::failed, Cause::start) == 125);
  CHECK(code_of(Status::failed, Cause::port) == 125);
  CHECK(code_of(Status::failed, Cause::lost) == 125);
  CHECK(code_of(Status::failed, Cause::artifact) == 1);
  CHECK(code_of(Status::stopped) == 143);
  CHECK(code_of(Status::aborted) == 143);
}
