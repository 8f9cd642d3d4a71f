// The real limits of processes: that of a user, and that of a control group. Within each, however
// small, a run ends with its result or with the reason, and is on record.
#include "faults.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr int most_processes = 16;

/// A run under a limit; what it had to leave is seen through without one.
class LimitedRun {
 public:
  explicit LimitedRun(const Sandbox& box) : box_(box) { box_.workflows(two_workflows); }

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

/// A user whom nobody else is, so that all processes of hers are those of the test.
std::string lonely_user() {
  return std::to_string(2'000'000 + ::getpid());
}

/// The group of this test in the hierarchy that counts processes; empty where there is none.
Path pids_group() {
  for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
    const Path group = Path(root) / ("dstack-test-" + std::to_string(::getpid()));
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
  const std::string user = lonely_user();
  const std::vector<std::string> as_user = {
      "setpriv", "--reuid", user, "--regid", user, "--clear-groups"};
  std::vector<std::string> reach = as_user;
  reach.insert(reach.end(), {"test", "-x", DSTACK_BINARY});
  const auto reached = process::run({reach, {}, "", {}});
  if (!reached || !process::succeeded(reached->status))
    SKIP("an ordinary user cannot reach the build folder");
  int refused = 0;
  int succeeded = 0;
  for (int most = 1; most <= most_processes; ++most) {
    const Sandbox box;
    LimitedRun run(box);
    const auto given =
        process::run({{"chown", "-R", user + ":" + user, box.root().string()}, {}, "", {}});
    REQUIRE((given && process::succeeded(given->status)));
    INFO("at most " << most << " processes");
    std::vector<std::string> limited = as_user;
    limited.insert(limited.end(), {"prlimit", "--nproc=" + std::to_string(most)});
    ++(run.judge(limited, as_user) ? succeeded : refused);
  }
  CHECK(refused > 0);
  CHECK(succeeded > 0);
}

TEST_CASE("a control group's limit of processes, however small, ends no run without a reason") {
  if (::geteuid() != 0)
    SKIP("only root may limit a control group");
  const Path group = pids_group();
  if (group.empty())
    SKIP("no control groups that count processes can be made here");
  int refused = 0;
  int succeeded = 0;
  for (int most = 1; most <= most_processes; ++most) {
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
  }
  CHECK(refused > 0);
  CHECK(succeeded > 0);
  CHECK(::rmdir(group.c_str()) == 0);
}
