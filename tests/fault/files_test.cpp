// A file that cannot be opened, for a moment or for good: no end of a job is guessed from that, and
// whoever cannot go on names the file and the reason.
#include "faults.hpp"
#include "support/job_log.hpp"

#include <cerrno>
#include <cstring>

#include <sys/resource.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// `dstack run WORKFLOW`, where a file whose path ends in `path` cannot be opened by one role.
process::Output run_without(const Sandbox& box,
                            const std::string& workflow,
                            const Fault& fault,
                            const std::string& path) {
  SKIP_IF_SANITIZED();
  const FaultReport report(box);
  process::Command command = with_fault(box.command({"run", workflow}), fault, report);
  command.environment->push_back("FAULT_PATH=" + path);
  auto output = process::run(command, {}, long_enough);
  REQUIRE(output);
  INFO(path << "\n" << output->err);
  REQUIRE_FALSE(report.failed_call().empty());
  return *std::move(output);
}

Json first_job(const Sandbox& box) {
  return box.wait(box.last_run())["jobs"][0];
}

}  // namespace

TEST_CASE("a record that cannot be opened for a moment is read a moment later") {
  const Sandbox box;
  box.workflows(two_workflows);
  const int error = GENERATE(EMFILE, ENFILE, EIO, ENOMEM, EINTR, EAGAIN);
  INFO(std::strerror(error));
  const auto output =
      run_without(box, "second", {"failing_files", "supervise", 1, false, error}, "/exit.json");
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out == "second | complete\n");
}

TEST_CASE("a record that can never be opened is named, with the reason") {
  const Sandbox box;
  box.workflows(two_workflows);
  const auto output =
      run_without(box, "second", {"failing_files", "supervise", 1, true, EMFILE}, "/exit.json");
  CHECK(Sandbox::code(output) != 0);
  const Json job = first_job(box);
  CHECK_THAT(job["reason"].get<std::string>(),
             Catch::Contains("/0/exit.json': Too many open files"));
}

TEST_CASE("a runner that cannot make its files says which, and its job is not called lost") {
  const Sandbox box;
  box.workflows(two_workflows);
  const int error = GENERATE(EMFILE, ENOSPC, EDQUOT);
  const std::string file = GENERATE("states", "exit.json.reserved", "log");
  const auto output =
      run_without(box, "first", {"failing_files", "exec", 1, true, error}, "/" + file);
  CHECK(Sandbox::code(output) != 0);
  const Json job = first_job(box);
  CHECK(job["cause"] == "start");
  CHECK_THAT(job["reason"].get<std::string>(),
             Catch::Contains("/0/" + file + "': " + std::strerror(error)));
}

TEST_CASE("a follower that cannot open a log says so, with the limit, and does not succeed") {
  const Sandbox box;
  box.workflows(two_workflows);
  const auto output =
      run_without(box, "first", {"failing_files", "run", 1, true, EMFILE}, "/0/log");
  CHECK(Sandbox::code(output) != 0);
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK_THAT(output.err, Catch::Contains("/0/log': Too many open files"));
  CHECK_THAT(output.err, Catch::Contains(std::to_string(limit.rlim_cur)));
  CHECK_THAT(output.err, Catch::Contains("dstack logs -f " + box.last_run()));
  CHECK(box.wait(box.last_run())["status"] == "done");
}
