// What becomes of a run when a program or a thread cannot be started: each such call of the command
// line, of the supervisor and of a runner is made to fail, for each reason that the system has.
#include "faults.hpp"

#include <cerrno>
#include <cstring>

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// The text of an error with a next step: that of the command, or of the job that it was.
std::string explanation(const Sandbox& box, const process::Output& output) {
  std::string text = output.err;
  const Json runs = box.json({"ps", "-a", "--json"});
  if (!runs.empty())
    text += box.ok({"show", runs[0]["run"].get<std::string>()});
  return text;
}

/// Whatever was started comes to an end, and is on record.
void check_newest_is_over(const Sandbox& box) {
  const Json runs = box.json({"ps", "-a", "--json"});
  if (runs.empty())
    return;
  const Json run = box.wait(runs[0]["run"].get<std::string>());
  INFO(render_json_pretty(run));
  CHECK((run["status"] == "done" || run["status"] == "failed"));
  for (const Json& job : run["jobs"])
    if (job["status"] == "failed")
      CHECK((job["cause"] == "start" || job["cause"] == "lost"));
}

/// Each start in the processes of one role, until there are none left to fail. How many there were.
std::size_t fail_each_start(const std::string& role, int error, bool and_all_later) {
  const Sandbox box;
  box.workflows(two_workflows);
  const FaultReport report(box);
  for (Fault fault{"failing_starts", role, 1, and_all_later, error};; ++fault.at) {
    report.begin();
    const auto output =
        process::run(with_fault(box.command({"run", "second"}), fault, report), {}, long_enough);
    REQUIRE(output);
    INFO(role << ", call " << fault.at << ": " << report.failed_call() << " with "
              << std::strerror(error) << "\n"
              << output->err);
    const int code = Sandbox::code(*output);
    if (report.failed_call().empty()) {
      CHECK(code == 0);
      require_nothing_left(box);
      return fault.at - 1;
    }
    CHECK((code == 0 || code == 125));
    if (code == 125) {
      const std::string text = explanation(box, *output);
      const char* reason = std::strerror(report.failed_call() == "pthread_create" ? EAGAIN : error);
      CHECK(text.find(reason) != std::string::npos);
      CHECK((text.find("cannot start ") != std::string::npos ||
             text.find("cannot watch ") != std::string::npos));
    }
    check_newest_is_over(box);
    box.ok({"run", "second"});
    require_nothing_left(box);
  }
}

}  // namespace

TEST_CASE("every start that fails, for any reason, is reported, and loses no run") {
  SKIP_IF_SANITIZED();
  const std::string role = GENERATE("run", "supervise", "exec");
  const int error = GENERATE(EAGAIN, ENOMEM, ENOENT, EACCES, ENOEXEC, ETXTBSY, E2BIG);
  CHECK(fail_each_start(role, error, false) > 0);
}

TEST_CASE("where nothing can be started from some moment on, runs end with the reason") {
  SKIP_IF_SANITIZED();
  const std::string role = GENERATE("run", "supervise", "exec");
  CHECK(fail_each_start(role, EAGAIN, true) > 0);
}

TEST_CASE("a program that commands name and bash cannot run gives bash's 126 or 127") {
  const Sandbox box;
  box.file("not-executable", "#!/bin/sh\n");
  box.file("no-interpreter", "#!/no/such/interpreter\n");
  REQUIRE(::chmod((box.project() / "not-executable").c_str(), 0644) == 0);
  REQUIRE(::chmod((box.project() / "no-interpreter").c_str(), 0755) == 0);
  box.workflows(R"(workflows:
  - {name: absent, provider: bash, commands: [no-such-program]}
  - {name: not-executable, provider: bash, commands: [./not-executable]}
  - {name: no-interpreter, provider: bash, commands: [./no-interpreter]}
)");
  const auto absent = box.run({"run", "absent"});
  CHECK(Sandbox::code(absent) == 127);
  CHECK(absent.out.find("no-such-program: command not found") != std::string::npos);
  const auto not_executable = box.run({"run", "not-executable"});
  CHECK(Sandbox::code(not_executable) == 126);
  CHECK(not_executable.out.find("not-executable: Permission denied") != std::string::npos);
  const auto no_interpreter = box.run({"run", "no-interpreter"});
  const int code = Sandbox::code(no_interpreter);
  CHECK((code == 126 || code == 127));  // bash 5.2 changed its mind
  CHECK(no_interpreter.out.find("no-interpreter: ") != std::string::npos);
}

TEST_CASE("a job whose bash cannot be started is reported, with the next step") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - name: long\n    provider: bash\n    commands: [\"true\"]\n"
      "    environment: {LONG: \"" +
      std::string(process::longest_argument, 'x') +
      "\"}\n  - name: wrong\n    provider: bash\n    commands: [\"true\"]\n"
      "    environment: {PATH: \"" +
      (box.root() / "bin").string() + "\"}\n");
  REQUIRE(make_folders(box.root() / "bin"));
  const Path bash = box.root() / "bin/bash";
  REQUIRE(write_file_atomically(bash, "#!/no/such/interpreter\n", Durable::no));
  REQUIRE(::chmod(bash.c_str(), 0755) == 0);

  const auto is_long = box.run({"run", "long"});
  CHECK(Sandbox::code(is_long) == 125);
  CHECK(is_long.err.find("Argument list too long; its arguments and variables have") !=
        std::string::npos);
  const auto wrong = box.run({"run", "wrong"});
  CHECK(Sandbox::code(wrong) == 125);
  CHECK(wrong.err.find("cannot start '" + bash.string() +
                       "': No such file or directory; its first "
                       "line asks for '/no/such/interpreter'") != std::string::npos);
}
