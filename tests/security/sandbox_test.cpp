// What `sandbox` keeps a job from: each sentence of docs/reference/security.md, "Sandbox", with the
// real program, as whoever runs the tests.
#include "support/sandbox.hpp"

#include "support/catch.hpp"

#include <iterator>

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Why this machine can have no sandbox; empty where it can. A process of a test cannot become a
/// confined one itself: the program says it.
std::string why_no_sandbox(const Sandbox& box, const std::string& level) {
  for (const Json& check : box.json({"doctor", "--json"}))
    if (check["check"] == "sandbox" &&
        check["detail"].get<std::string>().rfind(level + ":", 0) == 0 && check["status"] != "ok")
      return check["detail"].get<std::string>();
  return {};
}

/// A user's home with what must not be seen, and a project that is somebody's other one.
struct Machine {
  Sandbox box;
  Path user = box.root() / "user";

  Machine() {
    for (const char* file : {".ssh/id", ".aws/credentials", ".config/gcloud/keys", "other/code.py"})
      write(user / file, "CANARY\n");
    write(box.root() / "data/table", "DATA\n");
    box.set("HOME=" + user.string());
  }

  static void write(const Path& path, const std::string& text) {
    REQUIRE(make_folders(path.parent_path()));
    REQUIRE(write_file_atomically(path, text, Durable::no));
  }

  /// One workflow `w` of these commands, in which FOLDER stands for the folder of the test.
  void workflow(const std::string& sandbox, const std::string& commands) const {
    std::string text = fmt::format(R"(workflows:
  - name: w
    provider: bash
    sandbox: {}
    artifacts: [{{path: out, optional: true}}]
    commands:
      - |
        {}
)",
                                   sandbox,
                                   commands);
    constexpr std::string_view folder = "FOLDER";
    for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder))
      text.replace(at, folder.size(), box.root().string());
    box.workflows(text);
  }

  std::string run(const std::string& sandbox, const std::string& commands) const {
    workflow(sandbox, commands);
    return box.ok({"run", "w"});
  }
};

#define NEEDS_SANDBOX(machine, level)                                               \
  do {                                                                              \
    if (const std::string why = why_no_sandbox((machine).box, level); !why.empty()) \
      SKIP(why);                                                                    \
  } while (false)

}  // namespace

TEST_CASE("a sandboxed job sees its workspace, and nothing of the user, dstack or other projects") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  machine.box.file("code.txt", "CODE\n");
  const std::string out = machine.run(level, R"(cat code.txt
        for f in FOLDER/user/.ssh FOLDER/user/.aws FOLDER/user/.config FOLDER/user/other FOLDER/data \
          FOLDER/project FOLDER/home/objects FOLDER/home/config.yaml FOLDER/home/secrets \
          /var/run/docker.sock /run/docker.sock /run/user /root/.ssh; do
          ! test -e $f || echo "SEEN $f"
        done
        ls -A ~ | sed 's/^/AT HOME /'
        find / -name 'table' -o -name credentials 2>/dev/null | grep FOLDER || echo nothing)");
  CHECK(holds(out, "CODE\n"));
  CHECK_FALSE(holds(out, "SEEN"));
  CHECK_FALSE(holds(out, "AT HOME"));
  CHECK(holds(out, "nothing\n"));
}

TEST_CASE("a sandboxed job writes its workspace, its home, its TMPDIR and /tmp, and nothing else") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  const std::string out = machine.run(level, R"(mkdir out; echo saved > out/file
        for f in ~ $TMPDIR /tmp /dev/shm; do touch $f/here-$$ && echo WROTE $(basename $f); done
        for f in / /usr /etc /opt /dev /run /var /sys/kernel /proc/sys/kernel; do
          ! touch $f/here-$$ 2>/dev/null || echo "LEFT $f"
        done
        ! sh -c 'echo x > /proc/sys/kernel/core_pattern' 2>/dev/null || echo LEFT core_pattern
        ! mount -o remount,rw / 2>/dev/null || echo LEFT remounted)");
  CHECK(holds(out, "WROTE user\n"));
  CHECK(holds(out, "WROTE tmp\n"));
  CHECK(holds(out, "WROTE shm\n"));
  INFO(out);
  CHECK_FALSE(holds(out, "LEFT"));
  CHECK(machine.box.ok({"artifacts", "cat", machine.box.last_run(), "out/file"}) == "saved\n");
  CHECK_FALSE(fs::exists(machine.user / "here"));
  CHECK(std::distance(fs::directory_iterator(machine.user), fs::directory_iterator()) == 4);
}

TEST_CASE("'read' and 'write' of a sandbox open more") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "files");
  const std::string out =
      machine.run("{read: [FOLDER/data], write: [FOLDER/user/other]}", R"(cat FOLDER/data/table
        ! touch FOLDER/data/new 2>/dev/null || echo LEFT
        echo changed > FOLDER/user/other/new
        ! test -e FOLDER/user/.ssh || echo LEFT)");
  CHECK(holds(out, "DATA\n"));
  CHECK_FALSE(holds(out, "LEFT"));
  CHECK(read_file(machine.user / "other/new").value_or("") == "changed\n");
  // The home of dstack is not opened with what it lies in.
  CHECK_FALSE(holds(machine.run("{read: [FOLDER]}", "ls FOLDER/home"), "objects"));
}

TEST_CASE("a sandboxed job has its Python, and nothing else of dstack's home") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  machine.box.file("x.py", R"(import os, sys
print("PYTHON", sys.version_info[0])
print("HOME", sorted(os.listdir(sys.argv[1])))
)");
  machine.box.workflows(fmt::format(
      "workflows: [{{name: w, provider: python, file: x.py, args: [{}], sandbox: {}}}]\n",
      machine.box.home().string(),
      level));
  const auto ran = machine.box.run({"run", "w"});
  INFO(ran.out << ran.err);
  CHECK(Sandbox::code(ran) == 0);
  CHECK(holds(ran.out, "PYTHON 3"));
  CHECK_FALSE(holds(ran.out, "objects"));
}

TEST_CASE("a path that a sandbox is to open and that is not there keeps the job from starting") {
  const Machine machine;
  machine.workflow("{read: [FOLDER/missing]}", "touch FOLDER/user/ran");
  const auto ran = machine.box.run({"run", "w"});
  CHECK(Sandbox::code(ran) == 125);
  CHECK(holds(ran.err, machine.box.root().string() + "/missing"));
  CHECK_FALSE(fs::exists(machine.user / "ran"));
}

TEST_CASE("programs of a sandboxed job gain no privileges") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "files");
  const std::string out = machine.run("files", "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status");
  CHECK(holds(out, "NoNewPrivs:\t1"));
  CHECK(holds(out, "Seccomp:\t2"));
}

TEST_CASE("a strict sandbox has process ids and a network of its own") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "strict");
  const std::string out =
      machine.run("strict", R"(ls -d /proc/[0-9]* | wc -l | sed 's/^/PROCESSES /'
        cat /proc/1/comm
        grep -v lo: /proc/net/dev | grep -c : | sed 's/^/INTERFACES /' || true
        ! kill -0 $PPID$PPID 2>/dev/null)");
  const std::size_t at = out.find("PROCESSES ");
  REQUIRE(at != std::string::npos);
  CHECK(std::stoi(out.substr(at + 10)) < 12);
  CHECK(holds(out, "INTERFACES 0"));
}

TEST_CASE("the network of a sandbox is the machine's where it says so") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "strict");
  const std::string command = "readlink /proc/self/ns/net";
  char outside[64] = {};
  REQUIRE(::readlink("/proc/self/ns/net", outside, sizeof outside - 1) > 0);
  CHECK(holds(machine.run("{level: strict, network: host}", command), outside));
  CHECK(holds(machine.run("files", command), outside));
  CHECK_FALSE(holds(machine.run("strict", command), outside));
  CHECK_FALSE(holds(machine.run("{level: files, network: none}", command), outside));
}

TEST_CASE("a strict sandbox has no ptrace, mount, namespaces, keyctl and bpf") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "strict");
  // Not one of PATH, which may be a script of pyenv's that needs files of the user's home.
  const auto python = process::find_program("python3", "/usr/bin:/usr/local/bin");
  if (!python)
    SKIP("there is no python3 to make calls with");
  machine.box.file("calls.py", R"(import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
calls = {"ptrace": (101, 117), "mount": (165, 40), "unshare": (272, 97), "keyctl": (250, 219),
         "bpf": (321, 280), "setns": (308, 268), "add_key": (248, 217)}
for name, numbers in calls.items():
    ctypes.set_errno(0)
    result = libc.syscall(numbers[0 if x86 else 1], 0x10000000 if name == "unshare" else 0, 0, 0, 0, 0)
    print(name, result, ctypes.get_errno())
)");
  const std::string strict = machine.run("strict", *python + " calls.py");
  for (const char* name : {"ptrace", "mount", "unshare", "keyctl", "bpf", "setns", "add_key"}) {
    INFO(name << ": " << strict);
    CHECK(holds(strict, fmt::format("{} -1 1\n", name)));
  }
  const std::string files = machine.run("files", *python + " calls.py");
  INFO(files);
  CHECK(holds(files, "unshare 0 0\n"));
  CHECK(holds(files, "keyctl -1 1\n"));
}

TEST_CASE("a sandboxed job ends by its exit code or signal") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  machine.workflow(level, "exit 7");
  CHECK(Sandbox::code(machine.box.run({"run", "w"})) == 7);
  machine.workflow(level, "kill -SEGV $$");
  CHECK(Sandbox::code(machine.box.run({"run", "w"})) == 128 + SIGSEGV);
  machine.workflow(level, "kill -KILL $$");
  CHECK(Sandbox::code(machine.box.run({"run", "w"})) == 128 + SIGKILL);
}

TEST_CASE("a sandboxed job is stopped, and may end as it likes") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  machine.workflow(level, R"(mkdir out; trap 'echo ended > out/file; exit 0' TERM
        (trap '' TERM; sleep 1000) &
        echo ready; while :; do sleep 0.1; done)");
  machine.box.file("../home/config.yaml", "stop_grace: 2s\n");
  const std::string run = machine.box.start({"w"});
  while (!holds(machine.box.ok({"logs", run}), "ready"))
    ::usleep(20'000);
  machine.box.ok({"stop", run});
  const Json shown = machine.box.wait(run);
  CHECK(shown["status"] == "stopped");
  CHECK(machine.box.ok({"artifacts", "cat", run, "out/file"}) == "ended\n");
}

TEST_CASE("a sandboxed job is ended by its timeout, with all that it started") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  machine.workflow(level, "(setsid sleep 1000 &); trap '' TERM; sleep 1000; sleep 1000");
  machine.box.file("../home/config.yaml", "stop_grace: 1s\n");
  const auto ran = machine.box.run({"run", "w", "--timeout", "1"});
  INFO(ran.err);
  CHECK(Sandbox::code(ran) == 124);
}

TEST_CASE("a sandboxed job works in the layers of a large workspace") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "strict");
  NEEDS_SANDBOX(machine, level);
  for (int i = 0; i < 80; ++i)
    machine.box.file(fmt::format("code/{}", i), "x\n");
  CHECK(
      holds(machine.run(level, "ls code | wc -l; rm code/7; mkdir out; ls code | wc -l > out/file"),
            "80\n"));
  CHECK(machine.box.ok({"artifacts", "cat", machine.box.last_run(), "out/file"}) == "79\n");
}

TEST_CASE("a job in the project itself cannot change its hooks and workflows from a sandbox") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "files");
  machine.workflow("files\n    workspace: project", R"(echo edited > code.txt
        ! touch .dstack/evil.yaml 2>/dev/null || echo LEFT)");
  CHECK_FALSE(holds(machine.box.ok({"run", "w"}), "LEFT"));
  CHECK(read_file(machine.box.project() / "code.txt").value_or("") == "edited\n");
}

TEST_CASE("an application in a sandbox is reached with the machine's network") {
  const Machine machine;
  const auto level = GENERATE(as<std::string>(), "files", "{level: strict, network: host}");
  NEEDS_SANDBOX(machine, level[0] == '{' ? "strict" : level);
  const auto python = process::find_program("python3", "/usr/bin:/usr/local/bin");
  if (!python)
    SKIP("there is no python3 to serve with");
  machine.box.workflows(fmt::format(R"(workflows:
  - name: w
    provider: bash
    sandbox: {}
    ports: 1
    commands: ["exec {} -m http.server --bind 127.0.0.1 $JOB_PORT_0"]
)",
                                    level,
                                    *python));
  const std::string run = machine.box.start({"w"});
  std::string status;
  for (int tries = 0; tries < 3000 && status != "running" && status != "failed"; ++tries) {
    status = machine.box.json({"show", run, "--json"})["status"].get<std::string>();
    ::usleep(20'000);
  }
  REQUIRE(status == "running");
  machine.box.ok({"stop", run, "-x"});
}

TEST_CASE("ports in a sandbox without a network are refused at their place") {
  const Machine machine;
  machine.box.workflows(
      "workflows: [{name: w, provider: bash, sandbox: strict, ports: 1, commands: [ls]}]\n");
  const std::string said = machine.box.refused({"run", "w"}, 2);
  CHECK(holds(said, "network: host"));
  CHECK(holds(said, ".dstack/workflows.yaml:1:"));
}

TEST_CASE("config.yaml gives every local job a sandbox, and no project lowers it") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "files");
  machine.box.file(
      "../home/config.yaml",
      fmt::format("sandbox: {{level: files, read: [{}/data]}}\n", machine.box.root().string()));
  machine.box.workflows(fmt::format(R"(workflows:
  - {{name: none, provider: bash, commands: ["test ! -e {0}/user/.ssh; cat {0}/data/table"]}}
  - {{name: more, provider: bash, sandbox: {{read: [{0}/user]}}, commands: [ls]}}
  - {{name: write, provider: bash, sandbox: {{write: [{0}/data]}}, commands: [ls]}}
  - {{name: part, provider: bash, sandbox: {{read: [{0}/data/table]}}, commands: ["cat {0}/data/table"]}}
)",
                                    machine.box.root().string()));
  CHECK(holds(machine.box.ok({"run", "none"}), "DATA"));
  CHECK(holds(machine.box.ok({"run", "part"}), "DATA"));
  CHECK(holds(machine.box.refused({"run", "more"}, 2), "config.yaml"));
  CHECK(holds(machine.box.refused({"run", "write"}, 2), "config.yaml"));
  machine.box.file("../home/config.yaml", "sandbox: strict\n");
  CHECK(holds(machine.box.refused({"run", "part"}, 2), "config.yaml"));
  CHECK(holds(machine.box.refused({"validate"}, 2), "config.yaml"));
}

TEST_CASE("a container's sandbox is refused with what it has instead") {
  const Machine machine;
  machine.box.workflows("workflows: [{name: w, provider: docker, image: x, sandbox: files}]\n");
  CHECK(holds(machine.box.refused({"run", "w"}, 2), "privileges"));
  machine.box.workflows(
      "workflows: [{name: w, provider: docker, image: x, privileges: [NET_RAW]}]\n");
  machine.box.file("../home/config.yaml", "sandbox: files\n");
  CHECK(holds(machine.box.refused({"run", "w"}, 2), "asks for privileges"));
}

TEST_CASE("where the machine cannot have a sandbox the job is refused by name, and does not run") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "files");
  machine.workflow("files", "touch FOLDER/user/ran");
  // In a user namespace that may have none below it.
  process::Command command = machine.box.command({"run", "w"});
  const std::vector<std::string> words = {
      "unshare",
      "-Ur",
      "sh",
      "-c",
      "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"",
      "sh"};
  command.argv.insert(command.argv.begin(), words.begin(), words.end());
  const auto ran = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(ran);
  INFO(ran->err);
  CHECK(Sandbox::code(*ran) == 125);
  CHECK(holds(ran->err, "cannot be started in its sandbox"));
  CHECK_FALSE(fs::exists(machine.user / "ran"));
  command.argv[words.size() + 1] = "doctor";
  command.argv.pop_back();
  const auto doctor = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(doctor);
  CHECK(holds(doctor->out, "refused here"));
}

TEST_CASE("what a job of a sandbox leaves in its TMPDIR and home is removed") {
  const Machine machine;
  NEEDS_SANDBOX(machine, "files");
  machine.run("files", "touch $TMPDIR/x ~/y");
  const Path job = machine.box.home() / "runs" / machine.box.last_run() / "0";
  REQUIRE(fs::exists(job));
  CHECK_FALSE(fs::exists(job / "sandbox"));
}
