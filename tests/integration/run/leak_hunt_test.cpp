// Ten thousand random secrets, printed by a job in every encoding and looked for in all places
// where a run leaves something: while it runs, and after.
#include "dstack/base/sha256.hpp"
#include "support/encodings.hpp"
#include "support/leaks.hpp"
#include "support/other_process.hpp"
#include "support/sandbox.hpp"
#include "support/traced.hpp"
#include "support/wait.hpp"

#include <random>

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// A project whose jobs have the secrets, in a context of its own: home, temporary folder and all.
struct Hunted : Sandbox {
  Secrets values = random_secrets(secret_count);
  Path pipe = root() / "pipe";

  Hunted() {
    REQUIRE(make_folders(root() / "tmp"));
    set("TMPDIR=" + (root() / "tmp").string());
    file("encodings.py", encodings);
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    workflows(
        "workflows:\n"
        "  - name: w\n    provider: bash\n    environment: {PYTHONUTF8: 1}\n    artifacts: [out]\n"
        "    commands: [mkdir out, echo kept > out/x, \"python3 encodings.py show " +
        pipe.string() + "\"]\n");
    add_secrets(*this, values);
  }

  /// The job has each value, and nothing of it was lost.
  void check_printed(const std::string& log) const {
    for (const auto& [name, value] : values)
      if (log.find(name + " " + sha256(value).render()) == std::string::npos)
        FAIL_CHECK(name << " was not printed");
    CHECK(log.find("<***>\n<***>\n") != std::string::npos);
  }

  /// What a command said that was looked into.
  std::string said() const { return (root() / "tmp" / "said").string(); }
};

/// Those that are dstack's, and those of anybody but the job.
void check_processes(const Hunt& hunt, const std::string& job) {
  std::size_t ours = 0;
  std::size_t of_job = 0;
  for (const Process& process : all_processes()) {
    INFO(process.pid << ": " << printable(process.words));
    CHECK(hunt.find(process.words) == "");
    const bool is_ours = process.words.starts_with(std::string("dstack") + '\0');
    ours += is_ours ? 1U : 0U;
    if (!is_ours && process.environment.find("JOB_ID=" + job) != std::string::npos)
      of_job += hunt.find(process.environment).empty() ? 0U : 1U;
    else
      CHECK(hunt.find(process.environment) == "");
  }
  CHECK(ours >= 2);    // the supervisor and the runner,
  CHECK(of_job >= 1);  // and the job itself, which is how it would look
}

}  // namespace

TEST_CASE("the hunter finds every encoding, wherever it is among other bytes") {
  if (!has_python())
    SKIP("python3 is not installed");
  const Sandbox box;
  box.file("encodings.py", encodings);
  const Hunt hunt(encoded(box, random_secrets(secret_count)));
  std::mt19937 random(5);
  std::string bytes;
  for (const std::string& text : hunt.texts()) {
    for (std::size_t i = random() % 16; i > 0; --i)
      bytes += static_cast<char>(random());
    bytes += text;
  }
  CHECK(hunt.find_all(bytes).size() == hunt.texts().size());
  std::string noise;
  for (int i = 0; i < 1'000'000; ++i)
    noise += static_cast<char>(random());
  CHECK(hunt.find(noise) == "");
}

TEST_CASE("the hunter finds what is not hidden in each kind of place") {
  if (!has_python())
    SKIP("python3 is not installed");
  Sandbox box;
  box.file("encodings.py", encodings);
  const Secrets secrets = random_secrets(20);
  const Hunt hunt(encoded(box, secrets));
  const std::string value = secrets.at("S_100003");
  const std::string settings = "PLAIN=" + value;

  SECTION("the run database, the log and the answers of commands") {
    box.workflows("workflows: [{name: w, provider: bash, commands: [\"echo $PLAIN\"]}]\n");
    box.ok({"run", "w", "-e", settings});
    std::set<std::string> names;
    for (const std::string& file : files_with(hunt, box.home()))
      names.insert(Path(file).stem().string());
    CHECK(names.contains("database"));
    CHECK(names.contains("log"));
    CHECK(hunt.find(box.ok({"logs"})) == value);
    CHECK(hunt.find(box.ok({"show", "--json"})) == value);
    std::string in_memory;
    run_traced(box.command({"show", "--json"}), "/dev/null", [&](pid_t pid) {
      in_memory = find_in_memory(hunt, pid);
    });
    CHECK(in_memory == value);
  }
  SECTION("a file, and its name") {
    box.file("x/" + secrets.at("S_100004"), "");
    box.file("y", "before " + value);
    CHECK(files_with(hunt, box.project()).size() == 2);
  }
  SECTION("the command line and the environment of a process, and its memory") {
    process::Command command;
    command.argv = {"sh", "-c", "read nothing", value};
    command.environment = {settings};
    const auto pipe = make_pipe();
    REQUIRE(pipe);
    command.descriptors = {{0, pipe->read_end.get()}};
    const auto child = process::spawn(command);
    REQUIRE(child);
    // A program that has just been started has no words yet.
    Process seen;
    wait_until([&] {
      for (const Process& process : all_processes())
        if (process.pid == child->pid())
          seen = process;
      return !seen.words.empty() && !seen.environment.empty();
    });
    CHECK(hunt.find(seen.words) == value);
    CHECK(hunt.find(seen.environment) == value);
    child->signal(SIGKILL);
    std::string held;
    const OtherProcess other([&] { held = "held: " + secrets.at("S_100005"); });
    REQUIRE(may_read_memory(other.pid()));
    CHECK(find_in_memory(hunt, other.pid()) != "");
  }
}

namespace {

/// `dstack run w` beside the test, looked into at its end. Ends with 0 when nothing was there.
pid_t start_traced_run(const Hunted& box, const Hunt& hunt) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid > 0)
    return pid;
  bool is_clean = false;
  const int status = run_traced(box.command({"run", "w"}), box.said(), [&](pid_t follower) {
    is_clean = find_in_memory(hunt, follower).empty();
  });
  ::_exit(status == 0 && is_clean ? 0 : 1);
}

/// The memory of whatever belongs to the run while its job waits, and has printed everything.
void check_memory(const Hunted& box, const Hunt& hunt, const std::string& run) {
  const int follower = pid_of({DSTACK_BINARY, "run", "w"});
  const int supervisor = pid_of({"dstack", "supervise", box.home().string(), run});
  const int runner = pid_of({"dstack", "exec", run + "/0"});
  REQUIRE(follower != 0);
  REQUIRE(supervisor != 0);
  REQUIRE(runner != 0);
  if (::geteuid() == 0)
    CHECK(find_in_memory(hunt, runner) != "");  // who has them is seen to have them,
  else
    CHECK_FALSE(may_read_memory(runner));  // by the superuser alone
  if (!may_read_memory(supervisor))
    SKIP("this machine lets no process read the memory of another");
  CHECK(find_in_memory(hunt, supervisor) == "");
  CHECK(find_in_memory(hunt, follower) == "");
}

/// Commands that look at the run, or plan another: what they say, and what is in their memory.
void check_commands(const Hunted& box, const Hunt& hunt, const std::string& run) {
  const std::vector<std::vector<std::string>> commands = {{"ps", "-a"},
                                                          {"ps", "-a", "--json"},
                                                          {"logs", run},
                                                          {"show", run},
                                                          {"show", run, "--json"},
                                                          {"secrets", "list", "--json"},
                                                          {"run", "w", "--dry-run"},
                                                          {"run", "w", "--dry-run", "--json"}};
  for (const auto& command : commands) {
    INFO(join(command, " "));
    std::string in_memory = "nobody looked";
    const int status = run_traced(box.command(command), box.said(), [&](pid_t pid) {
      in_memory = find_in_memory(hunt, pid);
    });
    CHECK(status == 0);
    CHECK(in_memory == "");
    CHECK(hunt.find(read_file(box.said()).value()) == "");
  }
}

}  // namespace

TEST_CASE("ten thousand secrets in all encodings are in the job alone, while it runs and after") {
  if (!has_python())
    SKIP("python3 is not installed");
  const Hunted box;
  const Hunt hunt(encoded(box, box.values));
  const pid_t traced = start_traced_run(box, hunt);
  {
    // Opens when the job has printed everything and waits.
    const Fd end(::open(box.pipe.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(end);
    const std::string run = box.last_run();
    check_processes(hunt, box.json({"show", run, "--json"})["jobs"][0]["job"].get<std::string>());
    check_memory(box, hunt, run);
    CHECK(files_with(hunt, box.root()).empty());
  }
  int status = 0;
  REQUIRE(::waitpid(traced, &status, 0) == traced);
  CHECK(status == 0);
  const std::string said_by_run = read_file(box.said()).value();
  const std::string run = box.last_run();
  CHECK(box.json({"show", run, "--json"})["status"] == "done");
  const std::string log = box.ok({"logs", run});
  CHECK(said_by_run.find(log) != std::string::npos);
  box.check_printed(log);
  check_commands(box, hunt, run);
  CHECK(files_with(hunt, box.root()).empty());
}
