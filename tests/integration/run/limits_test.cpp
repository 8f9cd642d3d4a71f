// Jobs that are held to what they asked for, and what they took.
#include "dstack/resources/limits.hpp"

#include "dstack/base/text.hpp"
#include "dstack/resources/machine.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

using Kind = resources::Enforcement::Kind;

/// Whether this user may make control groups that hold memory.
bool holds_memory() {
  return resources::is_control_group(resources::find_enforcement().memory.kind);
}

constexpr const char* no_groups = "this user may make no control groups for memory here";

#ifdef __SANITIZE_ADDRESS__
constexpr bool reserves_shadow_memory = true;
#else
constexpr bool reserves_shadow_memory = false;
#endif

constexpr const char* no_room_for_shadows =
    "the address sanitizer's shadow memory is beyond any limit of a process that starts a job";

bool holds_each_process() {
  return resources::find_enforcement().memory.kind == Kind::each_process;
}

/// A workflow `w` with one command, which may take 100 MB and has a program that takes more.
void limited(const Sandbox& box, const std::string& command) {
  box.file("greedy.py", "x = bytearray(400_000_000)\nprint(len(x))\n");
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    resources: {memory: 100MB}\n"
      "    commands:\n      - " +
      command + "\n");
}

Json job_of(const Sandbox& box) {
  return box.json({"show", "--json"})["jobs"][0];
}

}  // namespace

TEST_CASE("a job whose memory runs out fails with that reason, and with what it used") {
  if (!holds_memory())
    SKIP(no_groups);
  const Sandbox box;
  limited(box, "exec python3 greedy.py");

  const auto output = box.run({"run", "w"});

  CHECK(Sandbox::code(output) == 137);
  CHECK(output.err.find("it ran out of memory: it took 1") != std::string::npos);
  CHECK(output.err.find("of the 100.0 MB that it asked for") != std::string::npos);
  const Json job = job_of(box);
  CHECK(job["cause"] == "oom");
  CHECK(job["signal"] == SIGKILL);
  CHECK(job["usage"]["peak_memory"].get<std::int64_t>() > 90'000'000);
  CHECK(job["usage"]["peak_memory"].get<std::int64_t>() <= 100'000'000);
}

TEST_CASE("the limits of a job with secrets, which nobody may look into, hold as well") {
  if (!holds_memory())
    SKIP(no_groups);
  const Sandbox box;
  limited(box, "exec python3 greedy.py $TOKEN");
  const auto added = process::run(box.command({"secrets", "add", "TOKEN"}), "a-long-value");
  REQUIRE(added);
  INFO(added->err);
  REQUIRE(process::succeeded(added->status));
  CHECK(Sandbox::code(box.run({"run", "w"})) == 137);
  CHECK(job_of(box)["cause"] == "oom");
}

TEST_CASE("a job that fails because one of its processes ran out of memory has that reason, too") {
  if (!holds_memory())
    SKIP(no_groups);
  const Sandbox box;
  limited(box, "python3 greedy.py; true");
  CHECK(Sandbox::code(box.run({"run", "w"})) == 137);
  const Json job = job_of(box);
  CHECK(job["cause"] == "oom");
  CHECK(job["exit_code"] == 137);
}

TEST_CASE(
    "a job that goes on when one of its processes ran out of memory ends well, with a warning") {
  if (!holds_memory())
    SKIP(no_groups);
  const Sandbox box;
  limited(box, "python3 greedy.py || echo went on");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.err.find("some of its processes were killed because its memory ran out") !=
        std::string::npos);
}

TEST_CASE("a process killed for its memory is reported while the job goes on without it") {
  if (!holds_memory())
    SKIP(no_groups);
  const Sandbox box;
  // Nobody stops it when nothing is reported: it gives up, with another end.
  limited(box, "printf begun; python3 greedy.py || { sleep 60; exit 42; }");
  const std::string name = box.start({"w"});

  test::wait_for_log(box,
                     name,
                     "\ndstack: a process of the job was killed because the 100.0 MB of memory "
                     "that it asked for were used up; --memory gives it more\n");

  CHECK(job_of(box)["status"] == "running");
  const auto stopped = box.run({"stop", name});
  CHECK(Sandbox::code(stopped) == 0);
  CHECK(job_of(box)["status"] == "stopped");
  CHECK(stopped.err.find("warning: w: some of its processes were killed because its memory ran "
                         "out: it took 1") != std::string::npos);
}

TEST_CASE("with a memory limit, an exit code of 137 is an exit code and a SIGKILL a signal") {
  if (reserves_shadow_memory && holds_each_process())
    SKIP(no_room_for_shadows);
  const Sandbox box;
  limited(box, "exit 137");
  CHECK(Sandbox::code(box.run({"run", "w"})) == 137);
  CHECK(job_of(box)["cause"] == "exit");
  limited(box, "kill -9 $$");
  CHECK(Sandbox::code(box.run({"run", "w"})) == 137);
  CHECK(job_of(box)["cause"] == "signal");
}

TEST_CASE("where there are no control groups each process is limited by itself") {
  if (!holds_each_process())
    SKIP("this user may make control groups for memory here");
  if (reserves_shadow_memory)
    SKIP(no_room_for_shadows);
  const Sandbox box;
  limited(box, "python3 greedy.py");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 137);
  CHECK(output.err.find("it ran out of memory: each of its processes may have 100.0 MB, and one "
                        "was refused more; the largest took ") != std::string::npos);
  CHECK(box.ok({"logs"}).find("MemoryError") != std::string::npos);
  const Json job = job_of(box);
  CHECK(job["cause"] == "oom");
  CHECK(job["exit_code"] == 1);
  CHECK(job["usage"]["largest_process"].get<std::int64_t>() < 100'000'000);
}

TEST_CASE("shared memory outside of control groups is reported when it exceeds the request") {
  if (!holds_each_process())
    SKIP("this user may make control groups for memory here");
  if (reserves_shadow_memory)
    SKIP(no_room_for_shadows);
  const Sandbox box;
  limited(box, "exec python3 shared.py");
  box.file("shared.py",
           "import mmap\nshared = mmap.mmap(-1, 200_000_000)\nfor _ in range(20):\n    "
           "shared.write(bytes(10_000_000))\n");
  const auto output = box.run({"run", "w"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.err.find("of the 100.0 MB that it asked for, in one process: files and shared "
                        "memory") != std::string::npos);
}

TEST_CASE("where each process is limited by itself, a retry is not blamed for an earlier refusal") {
  if (!holds_each_process())
    SKIP("this user may make control groups for memory here");
  if (reserves_shadow_memory)
    SKIP(no_room_for_shadows);
  const Sandbox box;
  const std::string mark = (box.root() / "mark").string();
  limited(box,
          "test -e " + mark + " && exit 3; touch " + mark + "; python3 greedy.py\n    retry: 1");
  const auto output = box.run({"run", "w"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 3);
  CHECK(job_of(box)["cause"] == "exit");
}

TEST_CASE("the plan and the doctor say how each limit is enforced") {
  const Sandbox box;
  limited(box, "echo hello");
  const std::string plan = box.ok({"run", "w", "--cpu", "1", "--dry-run"});
  const auto methods = resources::find_enforcement();
  CHECK(plan.find("memory 100.0 MB: " + describe(methods.memory)) != std::string::npos);
  CHECK(plan.find("cpu 1: " + describe(methods.cpu)) != std::string::npos);
  const std::string found = box.ok({"doctor"});
  CHECK(found.find("memory " + describe(methods.memory)) != std::string::npos);
  CHECK(found.find("cpu " + describe(methods.cpu)) != std::string::npos);
}

TEST_CASE("a job is held to the processors it asked for, and its group goes with it") {
  if (!resources::is_control_group(resources::find_enforcement().cpu.kind))
    SKIP("this user may make no control groups for processors here");
  const Sandbox box;
  // What the kernel was told; that it does so cannot be seen where others want the processors too.
  box.file(
      "limit.py",
      "import os\n"
      "v2 = os.popen('stat -fc %T /sys/fs/cgroup').read().strip() == 'cgroup2fs'\n"
      "line = [l for l in open('/proc/self/cgroup')\n"
      "        if (l.startswith('0::') if v2 else 'cpu' in l.split(':')[1].split(','))][0]\n"
      "folder = ('/sys/fs/cgroup' if v2 else '/sys/fs/cgroup/cpu') + line.strip().split(':')[2]\n"
      "files = ['cpu.max'] if v2 else ['cpu.cfs_quota_us', 'cpu.cfs_period_us']\n"
      "quota, period = ' '.join(open(folder + '/' + f).read() for f in files).split()\n"
      "assert int(quota) == int(period), (quota, period)\n"
      "print(folder)\n");
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    resources: {cpu: 1}\n"
      "    commands: [\"python3 limit.py\"]\n");
  const std::string folder(trim(box.ok({"run", "w"})));
  CHECK(folder.ends_with("/dstack-" + job_of(box)["job"].get<std::string>()));
  CHECK(::access(folder.c_str(), F_OK) != 0);
}

TEST_CASE("of a job whose runner was killed neither a group nor what is in it stays behind") {
  if (!holds_memory())
    SKIP(no_groups);
  const Sandbox box;
  limited(box, "echo $BASHPID; setsid env -i sleep 1004 & exec sleep 1003");
  const std::string name = box.start({"w"});
  const Path folder = box.home() / "runs" / name / "0";
  test::wait_for_log(box, name, "\n");
  const std::string job(trim(test::job_log(box, name)));
  std::vector<Path> groups;
  for (const auto& each :
       resources::parse_hierarchies(*read_kernel_file("/proc/" + job + "/cgroup"),
                                    *read_kernel_file("/proc/self/mountinfo")))
    if (each.own.filename().string().starts_with("dstack-"))
      groups.push_back(each.own);
  REQUIRE_FALSE(groups.empty());
  REQUIRE(test::kill_process_of(folder / run::file_names::runner));
  CHECK(box.wait(name)["jobs"][0]["cause"] == "lost");
  for (const Path& group : groups)
    test::wait_until([&] { return ::access(group.c_str(), F_OK) != 0; });
}

TEST_CASE("a limit that cannot be set does not keep a job from running, and is reported") {
  const auto methods = resources::find_enforcement();
  if (methods.memory.kind != Kind::systemd_scope)
    SKIP("no systemd makes control groups for this user here");
  Sandbox box;
  limited(box, "echo hello");
  const Path tools = box.root() / "tools";  // without the one that asks it
  REQUIRE(make_folders(tools));
  for (const char* tool : {"bash", "git"})
    fs::create_symlink(Path("/usr/bin") / tool, tools / tool);
  box.set("PATH=" + tools.string());
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out == "hello\n");
  CHECK(output.err.find("its limit could not be set") != std::string::npos);
}

TEST_CASE("the usage of a job is recorded, without any limit as well") {
  const Sandbox box;
  box.file("work.py", "x = bytearray(60_000_000)\nsum(i * i for i in range(2_000_000))\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"python3 work.py\"]}\n");
  box.ok({"run", "w"});
  const Json usage = job_of(box)["usage"];
  CHECK(usage["largest_process"].get<std::int64_t>() > 60'000'000);
  CHECK(usage["cpu_seconds"].get<double>() > 0.01);
  CHECK(usage["peak_memory"].is_null());
  CHECK(usage["bytes_written"].is_number());
  CHECK(box.ok({"show"}).find("of memory in its largest process") != std::string::npos);
}

TEST_CASE("jobs that ask for processors run on different ones, and programs see how many") {
  if (resources::find_machine({}).cpu < 2)
    SKIP("this machine has one processor");
  const Sandbox at;
  std::string jobs;
  for (const std::string name : {"a", "b"})
    jobs += "  - name: " + name +
            "\n    provider: bash\n    resources: {cpu: 1}\n    commands:\n"
            "      - echo cores=$(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status)\n"
            "      - touch " +
            (at.root() / name).string() + "\n      - timeout 60 sh -c 'until test -e " +
            (at.root() / (name == "a" ? "b" : "a")).string() + "; do sleep 0.01; done'\n";
  jobs += "  - {name: both, provider: bash, depends-on: [a, b], commands: [\"true\"]}\n";
  at.workflows("workflows:\n" + jobs);
  const std::string run = at.start({"both"});
  CHECK(at.wait(run)["status"] == "done");
  const std::string a = test::job_log(at, run, 0);
  const std::string b = test::job_log(at, run, 1);
  INFO(a << b);
  // Jobs of other tests may have all processors: then these two share them with everybody.
  if (a.find_first_of(",-") == std::string::npos && b.find_first_of(",-") == std::string::npos)
    CHECK(a != b);
}
