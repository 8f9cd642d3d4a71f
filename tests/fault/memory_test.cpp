// What becomes of a command and of a run when memory runs out: in each process of the program an
// allocation is made to fail, the first, the second, and so on; where there are thousands, ever
// fewer of the later ones.
#include "faults.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

/// Each of the first, then one in ten.
std::size_t after(std::size_t call) {
  return call + 1 + call / 10;
}

void check_database(const Sandbox& box) {
  const std::string program =
      "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('pragma "
      "integrity_check').fetchone()[0])";
  const auto checked = process::run(
      {{"python3", "-c", program, (box.home() / "database.sqlite").string()}, {}, "", {}});
  REQUIRE(checked);
  CHECK(checked->out == "ok\n");
}

/// What a person reads who cannot know where it happened.
bool speaks_of_memory(const std::string& text) {
  return text.find("run out of memory") != std::string::npos ||
         text.find("Cannot allocate memory") != std::string::npos;
}

std::size_t fail_allocations(const std::vector<std::string>& arguments, bool and_all_later) {
  const Sandbox box;
  box.workflows(two_workflows);
  box.ok({"run", "second"});
  const FaultReport report(box);
  Fault fault{"failing_memory", arguments.front(), 1, and_all_later};
  for (;; fault.at = after(fault.at)) {
    report.begin();
    const auto output =
        process::run(with_fault(box.command(arguments), fault, report), {}, long_enough);
    REQUIRE(output);
    INFO(arguments.front() << ", call " << fault.at << ": " << report.failed_call() << "\n"
                           << process::render(output->status) << "\n"
                           << output->err);
    REQUIRE(std::holds_alternative<process::Exited>(output->status));
    if (report.failed_call().empty()) {
      CHECK(Sandbox::code(*output) == 0);
      break;
    }
    CHECK((process::succeeded(output->status) || speaks_of_memory(output->err)));
  }
  check_database(box);
  box.ok(arguments);
  return fault.at;
}

/// In the supervisors or the runners of a run that is followed.
std::size_t fail_allocations_of_run(const std::string& role) {
  const Sandbox box;
  box.workflows(two_workflows);
  const FaultReport report(box);
  Fault fault{"failing_memory", role};
  for (;; fault.at = after(fault.at)) {
    report.begin();
    const auto output =
        process::run(with_fault(box.command({"run", "second"}), fault, report), {}, long_enough);
    REQUIRE(output);
    INFO(role << ", call " << fault.at << ": " << report.failed_call() << "\n" << output->err);
    const int code = Sandbox::code(*output);
    CHECK((code == 0 || (code == 125 && speaks_of_memory(output->err))));
    // A later supervisor sees through what the ones without memory had to leave.
    const Json run = box.wait(box.last_run());
    INFO(render_json_pretty(run));
    for (const Json& job : run["jobs"])
      CHECK((job["status"] == "done" || job["status"] == "skipped" || job["cause"] == "start"));
    if (report.failed_call().empty()) {
      CHECK(code == 0);
      break;
    }
  }
  check_database(box);
  require_nothing_left(box);
  return fault.at;
}

}  // namespace

TEST_CASE("a command that gets no memory says so, dies of no signal and damages nothing") {
  SKIP_IF_SANITIZED();
  const auto arguments = GENERATE(std::vector<std::string>{"ps"},
                                  std::vector<std::string>{"validate"},
                                  std::vector<std::string>{"run", "second", "--dry-run"});
  CHECK(fail_allocations(arguments, false) > 500);
  CHECK(fail_allocations(arguments, true) > 500);
}

TEST_CASE("a provider's host that gets no memory says so, and does not crash") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows(two_workflows);
  const FaultReport report(box);
  const std::vector<std::string> arguments = {"run", "second", "--dry-run"};
  Fault fault{"failing_memory", "provider-host"};
  for (;; fault.at = after(fault.at)) {
    report.begin();
    const auto output =
        process::run(with_fault(box.command(arguments), fault, report), {}, long_enough);
    REQUIRE(output);
    INFO("call " << fault.at << ": " << report.failed_call() << "\n" << output->err);
    const int code = Sandbox::code(*output);
    if (report.failed_call().empty()) {
      CHECK(code == 0);
      break;
    }
    CHECK((code == 0 || code == 1));
    CHECK((code == 0 || output->err.find("provider 'bash'") != std::string::npos));
    CHECK(output->err.find("crashed") == std::string::npos);
  }
  CHECK(fault.at > 100);
}

TEST_CASE("a supervisor that gets no memory tries again, or leaves the run to a later one") {
  SKIP_IF_SANITIZED();
  CHECK(fail_allocations_of_run("supervise") > 500);
}

TEST_CASE("a runner that gets no memory tries again, or says why its job could not start") {
  SKIP_IF_SANITIZED();
  CHECK(fail_allocations_of_run("exec") > 200);
}

TEST_CASE("a runner that gets no memory any more gives up, and nothing of its job lives on") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"sleep 1000 & echo begun; wait\"]}\n");
  const FaultReport report(box);
  // Soon after it has begun, and shortly before it starts the job.
  for (const std::size_t at : {std::size_t{100}, std::size_t{400}}) {
    Fault fault{"failing_memory", "exec", at, true};
    const auto output =
        process::run(with_fault(box.command({"run", "w"}), fault, report), {}, long_enough);
    REQUIRE(output);
    INFO("from call " << at << " on\n" << output->err << output->out);
    CHECK(Sandbox::code(*output) == 125);
    const Json run = box.json({"show", box.last_run(), "--json"});
    INFO(render_json_pretty(run));
    CHECK(run["jobs"][0]["cause"] == "lost");
    require_nothing_left(box);
  }
}

TEST_CASE("a run within a limit of memory ends with its result or with the reason") {
  SKIP_IF_SANITIZED();
  const Sandbox box;
  box.workflows(two_workflows);
  std::size_t refused = 0;
  std::size_t succeeded = 0;
  for (std::size_t mebibytes = 1; mebibytes <= 64; mebibytes += 1 + mebibytes / 8) {
    process::Command command = box.command({"run", "second"});
    const std::vector<std::string> limit = {"prlimit", "--data=" + std::to_string(mebibytes << 20)};
    command.argv.insert(command.argv.begin(), limit.begin(), limit.end());
    const auto output = process::run(command, {}, long_enough);
    REQUIRE(output);
    INFO(mebibytes << " MiB\n" << output->err);
    const int code = Sandbox::code(*output);
    CHECK((code == 0 || code == 125));
    ++(code == 0 ? succeeded : refused);
    if (code == 125)
      CHECK((speaks_of_memory(output->err) ||
             output->err.find("too little memory") != std::string::npos));
  }
  CHECK(refused > 0);
  CHECK(succeeded > 0);
  check_database(box);
  box.ok({"run", "second"});
}
