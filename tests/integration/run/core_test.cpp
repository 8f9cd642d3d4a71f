// Core files of processes that hold secrets, and debuggers that want to look into them.
#include "support/cores.hpp"
#include "support/job_log.hpp"
#include "support/leaks.hpp"
#include "support/listener.hpp"
#include "support/sandbox.hpp"
#include "support/secrets.hpp"
#include "support/wait.hpp"

#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

using namespace dstack;
using namespace dstack::test;

namespace {

const std::string token = "t0ken-that-no-core-file-has";

/// A run whose job waits; its name.
std::string start_waiting(const Sandbox& box) {
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo ready; sleep 1001; true\"]}\n");
  std::string run = box.start({"w"});
  wait_for_log(box, run, "ready\n");
  return run;
}

int supervisor_of(const Sandbox& box, const std::string& run) {
  return pid_of({"dstack", "supervise", box.home().string(), run});
}

int runner_of(const std::string& run) {
  return pid_of({"dstack", "exec", run + "/0"});
}

/// The shell of the only job.
int job_of(const Sandbox& box, const std::string& run) {
  const std::string id = box.json({"show", run, "--json"})["jobs"][0]["job"].get<std::string>();
  for (const Process& process : all_processes())
    if (process.words.find(std::string("bash") + '\0' + "-e") != std::string::npos &&
        process.environment.find("JOB_ID=" + id) != std::string::npos)
      return process.pid;
  return 0;
}

bool has_value(const std::string& bytes) {
  return bytes.find(token) != std::string::npos;
}

}  // namespace

TEST_CASE("what dstack runs leaves core files as ever: the job with its values, a supervisor") {
  const Sandbox box;
  const CoreFiles cores(box.root());
  if (!cores.why_not().empty())
    SKIP(cores.why_not());
  add_secret(box, {"TOKEN"}, token);
  const std::string run = start_waiting(box);
  CHECK(has_value(cores.end(job_of(box, run), SIGABRT)));
  box.run({"logs", "-f", run});
  const std::string another = start_waiting(box);
  const std::string core = cores.end(supervisor_of(box, another), SIGSEGV);
  CHECK(core.size() > 100'000);
  CHECK_FALSE(has_value(core));
}

TEST_CASE("the runner of a job with secrets leaves no core file") {
  const Sandbox box;
  const CoreFiles cores(box.root());
  if (!cores.why_not().empty())
    SKIP(cores.why_not());
  const int signal = GENERATE(SIGABRT, SIGSEGV);
  const std::string before = start_waiting(box);
  CHECK(cores.end(runner_of(before), signal).size() > 100'000);  // one without would
  add_secret(box, {"TOKEN"}, token);
  const std::string run = start_waiting(box);
  CHECK(cores.end(runner_of(run), signal).empty());
}

TEST_CASE("the process of a native job with secrets leaves no core file") {
  const Sandbox box;
  const CoreFiles cores(box.root());
  if (!cores.why_not().empty())
    SKIP(cores.why_not());
  const int signal = GENERATE(SIGABRT, SIGSEGV);
  Listener listener;
  add_secret(box, {"TOKEN"}, token);
  box.workflows("workflows:\n  - {name: w, provider: curl, url: \"" + listener.url() +
                "\", output: file, headers: {Authorization: \"Bearer ${{ secrets.TOKEN }}\"}}\n");
  const std::string run = box.start({"w"});
  listener.wait_for(token);
  CHECK(cores.end(pid_of({"dstack", "native", run + "/0"}), signal).empty());
}

TEST_CASE("a supervisor that sends a secret to a webhook leaves no core file") {
  const Sandbox box;
  const CoreFiles cores(box.root());
  if (!cores.why_not().empty())
    SKIP(cores.why_not());
  const int signal = GENERATE(SIGABRT, SIGSEGV);
  Listener listener;
  add_secret(box, {"TOKEN"}, token);
  REQUIRE(write_file_atomically(box.home() / "config.yaml",
                                "on_end:\n  - webhook: " + listener.url() +
                                    "\n    headers: {X-Token: \"${{ secrets.TOKEN }}\"}\n",
                                Durable::no));
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const std::string run = box.start({"w"});
  listener.wait_for(token);
  CHECK(cores.end(supervisor_of(box, run), signal).empty());
}

TEST_CASE("'secrets add' leaves no core file of the value that it is being given") {
  const Sandbox box;
  const CoreFiles cores(box.root());
  if (!cores.why_not().empty())
    SKIP(cores.why_not());
  const int signal = GENERATE(SIGABRT, SIGSEGV);
  auto pipe = make_pipe();
  REQUIRE(pipe);
  process::Command command = box.command({"secrets", "add", "--user", "TOKEN"});
  command.descriptors = {{0, pipe->read_end.get()}};
  const auto child = process::spawn(command);
  REQUIRE(child);
  REQUIRE(write_all(pipe->write_end.get(), token));
  wait_until([&] {
    int left = 0;
    REQUIRE(::ioctl(pipe->read_end.get(), FIONREAD, &left) == 0);
    return left == 0;  // it has the value, and waits for more
  });
  CHECK(cores.end(child->pid(), signal).empty());
}

TEST_CASE("no debugger of the same user gets at the runner of a job with secrets") {
  if (::geteuid() == 0)
    SKIP("root may look into everything");
  const Sandbox box;
  const auto may_attach = [](pid_t pid) {
    if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0)
      return false;
    REQUIRE(::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == 0);
    REQUIRE(::waitpid(pid, nullptr, __WALL) == pid);
    REQUIRE(::ptrace(PTRACE_DETACH, pid, nullptr, nullptr) == 0);
    return true;
  };
  add_secret(box, {"TOKEN"}, token);
  const std::string run = start_waiting(box);
  if (!may_attach(supervisor_of(box, run)))
    SKIP("this machine lets no process look into another");
  const pid_t runner = runner_of(run);
  REQUIRE(runner != 0);
  CHECK_FALSE(may_attach(runner));
  CHECK_FALSE(may_read_memory(runner));
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{reinterpret_cast<void*>(0x1000), 1};
  CHECK(::process_vm_readv(runner, &here, 1, &there, 1, 0) < 0);
  CHECK(errno == EPERM);
}
