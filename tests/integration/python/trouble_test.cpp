#include "dstack/job/job_spec.hpp"
#include "support/text.hpp"
#include "support/wait.hpp"
#include "workbench.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::python;
using dstack::test::holds;

namespace {

void check_failing_requirement(Workbench& at) {
  at.write("code/requirements.txt", "no-such-package-anywhere==1.0\n-f wheels\n");

  const auto failed = at.provide({"", {"requirements.txt"}, {}});

  REQUIRE_FALSE(failed);
  const std::string& message = failed.error().message;
  INFO(message);
  CHECK(message.starts_with("cannot install 'requirements.txt' for Python " +
                            at.interpreter.version + ": "));
  CHECK(holds(message, "no-such-package-anywhere"));
  // The job's log has one line of it, and the environment's all.
  const std::string log = at.log();
  CHECK(log.find('\n') == log.size() - 1);
  CHECK(holds(log, ": failed"));
  const std::size_t path = message.find("the whole output: ");
  REQUIRE(path != std::string::npos);
  CHECK(holds(*read_file(message.substr(message.find('/', path))), "no-such-package-anywhere"));
  CHECK(failed.error().code == ErrorCode::unavailable);
  for (const auto& entry : fs::directory_iterator(at.home().environments()))
    CHECK_FALSE(fs::exists(entry.path() / "bin"));
}

/// A process that builds; its exit code is 0 when it has made the environment, 1 when it was there.
pid_t start_builder(const Workbench& at, const job::PythonRequest& request) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto output = open_file((at.root / "log").string(), O_WRONLY | O_CREAT | O_APPEND);
    const auto made = provide_environment(
        request, at.interpreter, at.code(), at.home(), at.lookup(), output->get());
    ::_exit(!made ? 2 : made->made ? 0 : 1);
  }
  return child;
}

int exit_code(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A local project whose build waits until the test lets it go on.
struct Gate {
  explicit Gate(const Workbench& bench) : at(bench), folder(bench.root / "gate") {
    REQUIRE(make_folders(folder));
    REQUIRE(::mkfifo((folder / "began").c_str(), 0666) == 0);
    REQUIRE(::mkfifo((folder / "go").c_str(), 0666) == 0);
    at.write("gate/closed", "");
    at.add_project("slow", "slow", "word = 'slow'\n");
    at.write("code/slow/gate", folder.string());
    at.write("code/requirements.txt", "./slow\n");
  }

  void wait_until_building() const { REQUIRE(open_file((folder / "began").string(), O_RDONLY)); }

  void open() const {
    fs::remove(folder / "closed");
    REQUIRE(open_file((folder / "go").string(), O_WRONLY));
  }

  const Workbench& at;
  Path folder;
};

void check_two_at_once(const Workbench& at) {
  const Gate gate(at);
  const job::PythonRequest request{"", {"requirements.txt"}, {}};
  const pid_t first = start_builder(at, request);
  gate.wait_until_building();
  const pid_t second = start_builder(at, request);
  test::wait_until([&] { return holds(at.log(), "waiting for another job"); });
  gate.open();
  CHECK(exit_code(first) == 0);
  CHECK(exit_code(second) == 1);
}

void check_killed_builder(const Workbench& at) {
  const Gate gate(at);
  const job::PythonRequest request{"", {"requirements.txt"}, {}};
  const pid_t builder = start_builder(at, request);
  gate.wait_until_building();
  ::kill(builder, SIGKILL);
  CHECK(exit_code(builder) == -1);

  const pid_t next = start_builder(at, request);
  // What the dead one has started still works in there.
  test::wait_until([&] { return holds(at.log(), "waiting for another job"); });
  gate.open();

  CHECK(exit_code(next) == 0);
  const PythonEnvironment made = at.provided(request);
  CHECK_FALSE(made.made);
  CHECK(outcome({made.program.string(), "-c", "import slow; print(slow.word)"}) ==
        "slow\nexit code 0");
}

}  // namespace

TEST_CASE("a requirement that pip cannot get is reported with pip's reason") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_failing_requirement(at);
}

TEST_CASE("a requirement that uv cannot get is reported with uv's reason") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_failing_requirement(at);
}

TEST_CASE("of two processes that want the same environment one builds and the other waits for it") {
  const Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_two_at_once(at);
}

TEST_CASE("an environment whose builder was killed is built again, once its installer has ended") {
  const Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_killed_builder(at);
}

TEST_CASE("an environment whose builder was killed is built again with uv, too") {
  const Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_killed_builder(at);
}

TEST_CASE("a requirements file that is not in the code is reported before anything is built") {
  const Workbench at(Workbench::With::pip);
  const auto failed = at.provide({"", {"gone.txt"}, {}});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "requirements file 'gone.txt' is not in the project's code");
  CHECK_FALSE(fs::exists(at.home().environments()));
}

TEST_CASE("a program called uv that does not run is not used") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  at.write("shims/uv", "#!/bin/sh\necho 'pyenv: uv: command not found' >&2\nexit 127\n", 0755);
  at.variables["PATH"] = (at.root / "shims").string() + ":/usr/bin:/bin";
  at.write("code/requirements.txt", "\n");
  (void)at.provided({"", {"requirements.txt"}, {}});
  CHECK(holds(at.log(), "with pip"));
}
