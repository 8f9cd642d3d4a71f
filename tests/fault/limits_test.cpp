// The real limits of processes: that of a user, and that of a control group. Within each, however
// small, a run ends with its result or with the reason, and is on record.
#include "faults.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr int most_processes = 16;

/// Jobs that start no process of their own: what is limited here is dstack, not what a job runs.
constexpr const char* jobs_of_one_process = R"(workflows:
  - {name: first, provider: bash, artifacts: [result], commands: [echo complete > result]}
  - {name: second, provider: bash, depends-on: [first], commands: ["read -r word < result"]}
)";

/// A run under a limit; what it had to leave is seen through without one.
class LimitedRun {
 public:
  explicit LimitedRun(const Sandbox& box) : box_(box) { box_.workflows(jobs_of_one_process); }

  /// Whether it succeeded. Both are words to put before the command's.
  bool judge(const std::vector<std::string>& limited, const std::vector<std::string>& unlimited) {
    const auto output = dstack(limited, {"run", "second"});
    INFO(output.err);
    const int code = Sandbox::code(output);
    CHECK((code == 0 || code == 125));
    if (code == 125) {
      CHECK(output.err.find("Resource temporarily unavailable") != std::string::npos);
      CHECK(output.err.find("ulimit -u") != std::string::npos);
    }
    const auto listed = parse_json(dstack(unlimited, {"ps", "-a", "--json"}).out, "the runs");
    REQUIRE(listed);
    if (!listed->empty()) {
      const std::string name = (*listed)[0]["run"].get<std::string>();
      dstack(unlimited, {"logs", "-f", name});
      const auto run = parse_json(dstack(unlimited, {"show", name, "--json"}).out, "the run");
      REQUIRE(run);
      INFO(render_json_pretty(*run));
      CHECK(((*run)["status"] == "done" || (*run)["jobs"][0]["cause"] == "start" ||
             (*run)["jobs"][1]["cause"] == "start"));
    }
    require_nothing_left(box_);
    return code == 0;
  }

 private:
  process::Output dstack(const std::vector<std::string>& prefix,
                         const std::vector<std::string>& arguments) const {
    process::Command command = box_.command(arguments);
    command.argv.insert(command.argv.begin(), prefix.begin(), prefix.end());
    const auto output = process::run(command, {}, long_enough);
    REQUIRE(output);
    return *output;
  }

  const Sandbox& box_;
};

// A process that has ended counts until it is reaped. The supervisor of a run is an orphan, and
// some init processes reap only every few seconds: so each limit has a user, or a group, of its
// own.

/// A user whom nobody else is, so that all processes of hers are those of one run.
std::string lonely_user(int limit) {
  return std::to_string(2'000'000 + ::getpid() * (most_processes + 1) + limit);
}

/// The words before a command that make it that user's.
std::vector<std::string> become(const std::string& user) {
  return {"setpriv", "--reuid", user, "--regid", user, "--clear-groups"};
}

/// A new group in the hierarchy that counts processes; empty where there is none.
Path pids_group(int limit) {
  const std::string name =
      "dstack-test-" + std::to_string(::getpid()) + "-" + std::to_string(limit);
  for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
    const Path group = Path(root) / name;
    if (::mkdir(group.c_str(), 0755) != 0)
      continue;
    if (::access((group / "pids.max").c_str(), W_OK) == 0)
      return group;
    ::rmdir(group.c_str());
  }
  return {};
}

}  // namespace

TEST_CASE("a user's limit of processes, however small, ends no run without a reason") {
  if (::geteuid() != 0)
    SKIP("only root can become a user whom nobody else is");
  std::vector<std::string> reach = become(lonely_user(0));
  reach.insert(reach.end(), {"test", "-x", DSTACK_BINARY});
  const auto reached = process::run({reach, {}, "", {}});
  if (!reached || !process::succeeded(reached->status))
    SKIP("an ordinary user cannot reach the build folder");
  int refused = 0;
  int succeeded = 0;
  for (int most = 1; most <= most_processes; ++most) {
    const Sandbox box;
    LimitedRun run(box);
    const std::string user = lonely_user(most);
    const auto given =
        process::run({{"chown", "-R", user + ":" + user, box.root().string()}, {}, "", {}});
    REQUIRE((given && process::succeeded(given->status)));
    INFO("at most " << most << " processes");
    std::vector<std::string> limited = become(user);
    limited.insert(limited.end(), {"prlimit", "--nproc=" + std::to_string(most)});
    ++(run.judge(limited, become(user)) ? succeeded : refused);
  }
  CHECK(refused > 0);
  CHECK(succeeded > 0);
}

TEST_CASE("a control group's limit of processes, however small, ends no run without a reason") {
  if (::geteuid() != 0)
    SKIP("only root may limit a control group");
  int refused = 0;
  int succeeded = 0;
  for (int most = 1; most <= most_processes; ++most) {
    const Path group = pids_group(most);
    if (group.empty())
      SKIP("no control groups that count processes can be made here");
    const Sandbox box;
    INFO("at most " << most << " processes");
    ++(LimitedRun(box).judge({"sh",
                              "-c",
                              "echo $1 > $2/pids.max && echo $$ > $2/cgroup.procs && shift 2 && "
                              "exec \"$@\"",
                              "sh",
                              std::to_string(most),
                              group.string()},
                             {})
           ? succeeded
           : refused);
    CHECK(::rmdir(group.c_str()) == 0);
  }
  CHECK(refused > 0);
  CHECK(succeeded > 0);
}
