// A home on a file system that refuses locks, as NFS does without its lock service.
#include "faults.hpp"

#include <cerrno>
#include <cstring>

using namespace dstack;
using namespace dstack::test;

namespace {

/// A command in whose processes of one role locks are refused; its output.
process::Output without_locks(const Sandbox& box,
                              const std::vector<std::string>& words,
                              int error,
                              const std::string& role,
                              const std::string& kind = {}) {
  const FaultReport report(box);
  process::Command command =
      with_fault(box.command(words), {"failing_locks", role, 1, true, error}, report);
  if (!kind.empty())
    command.environment->push_back("FAULT_LOCKS=" + kind);
  auto output = process::run(command, {}, long_enough);
  REQUIRE(output);
  REQUIRE_FALSE(report.failed_call().empty());
  return *std::move(output);
}

/// Says what cannot be locked, why, and what to do.
void check_explained(const Sandbox& box, const std::string& text, int error) {
  INFO(text);
  CHECK_THAT(text, Catch::Contains("cannot lock '" + box.home().string()));
  CHECK_THAT(text, Catch::Contains(std::strerror(error)));
  CHECK_THAT(text, Catch::Contains("set DSTACK_HOME to a folder on a local disk"));
}

}  // namespace

TEST_CASE(
    "a new home that cannot be locked is an error with the path, the reason and the way out") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  const int error = GENERATE(ENOLCK, EOPNOTSUPP, ENOSYS, EIO);
  const auto output = without_locks(box, {"run", "w"}, error, "run");
  CHECK(Sandbox::code(output) == 1);
  check_explained(box, output.err, error);
}

TEST_CASE("a run whose lock would be refused is not recorded") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  box.ok({"run", "w"});
  const auto output = without_locks(box, {"run", "w"}, ENOLCK, "run", "flock");
  CHECK(Sandbox::code(output) == 1);
  check_explained(box, output.err, ENOLCK);
  CHECK(box.json({"ps", "-a", "--json"}).size() == 1);
}

TEST_CASE("a database that cannot be locked is not called busy") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  box.ok({"run", "w"});
  // For SQLite the first is a database in use, the second an error of reading.
  const int error = GENERATE(ENOLCK, EOPNOTSUPP);
  const auto output = without_locks(box, {"ps"}, error, "ps", "fcntl");
  CHECK(Sandbox::code(output) == 1);
  check_explained(box, output.err, error);
}

TEST_CASE("a supervisor that cannot have its lock says so, and the run does not hang") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  const auto output = without_locks(box, {"run", "w"}, ENOLCK, "supervise", "flock");
  CHECK(Sandbox::code(output) == 125);
  check_explained(box, output.err, ENOLCK);
  CHECK(box.wait(box.last_run())["status"] == "done");
}

TEST_CASE("secrets are not stored without a lock") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows("workflows: []\n");
  process::Command command = with_fault(box.command({"secrets", "add", "NAME"}),
                                        {"failing_locks", "secrets", 1, true, EOPNOTSUPP},
                                        FaultReport(box));
  const auto output = process::run(command, "value", long_enough);
  REQUIRE(output);
  CHECK(Sandbox::code(*output) == 1);
  check_explained(box, output->err, EOPNOTSUPP);
}

TEST_CASE("the doctor tries whether files of the home can be locked") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  const auto locks = [](const std::string& text) {
    const auto checks = parse_json(text, "the output of dstack");
    REQUIRE(checks);
    for (const Json& check : *checks)
      if (check["check"] == "locks")
        return check;
    return Json();
  };
  CHECK(locks(box.ok({"doctor", "--json"}))["status"] == "ok");
  const std::string kind = GENERATE("flock", "fcntl");
  const auto output = without_locks(box, {"doctor", "--json"}, ENOLCK, "doctor", kind);
  CHECK(Sandbox::code(output) == 1);
  const Json found = locks(output.out);
  CHECK(found["status"] == "error");
  CHECK_THAT(found["detail"].get<std::string>(), Catch::Contains("No locks available"));
  CHECK_THAT(found["hint"].get<std::string>(), Catch::Contains("DSTACK_HOME"));
  CHECK_FALSE(fs::exists(box.home()));
}
