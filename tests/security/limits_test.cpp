// What a job may take of the machine: processes, and room on the disk.
#include "dstack/resources/limits.hpp"

#include "dstack/resources/cgroup.hpp"
#include "dstack/run/client/little_space.hpp"
#include "dstack/run/runner/disk_watch.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool can_limit_processes() {
  return resources::is_control_group(resources::find_enforcement().processes.kind);
}

Json job_of(const Sandbox& box) {
  return box.json({"show", box.last_run(), "--json"})["jobs"][0];
}

}  // namespace

TEST_CASE("a job that writes more than its 'disk' is stopped, and fails for that") {
  const Sandbox box;
  const auto files = GENERATE(1, 80);  // a copy, and layers where there are some
  for (int i = 0; i < files; ++i)
    box.file(fmt::format("code/{}", i), std::string(4000, 'x'));
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    resources: {disk: 20MB}
    retry: 1
    artifacts: [{path: out, optional: true}]
    commands:
      - "trap 'echo asked; exit 0' TERM; mkdir -p out; head -c 30000000 /dev/zero > out/data; while :; do sleep 0.1; done"
)");
  const auto ran = box.run({"run", "w"});
  INFO(ran.out << ran.err);
  CHECK(Sandbox::code(ran) == 1);
  CHECK(holds(ran.out, "asked"));
  CHECK(holds(ran.err, "'disk'"));
  const Json job = job_of(box);
  CHECK(job["status"] == "failed");
  CHECK(job["cause"] == "disk");
  CHECK(job["attempts"] == 2);
}

TEST_CASE("a job that writes no more than its 'disk' is done, whatever its code takes") {
  const Sandbox box;
  box.file("large", std::string(30'000'000, 'x'));
  box.workflows(R"(workflows:
  - {name: w, provider: bash, resources: {disk: 20MB}, commands: ["head -c 10000000 /dev/zero > data; sleep 2"]}
)");
  box.ok({"run", "w"});
}

TEST_CASE(
    "what a job has written is counted beyond what was there, and a file with two names once") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  const std::string megabyte(1'000'000, 'x');
  REQUIRE(write_file_atomically(folder.path() / "before", megabyte, Durable::no));
  run::DiskWatch watch({folder.path(), folder.path() / "missing"}, 1'500'000);
  // So few files are counted at once.
  const auto count = [&] { return watch.exceeded(*watch.next()); };
  CHECK_FALSE(count());
  REQUIRE(make_folders(folder.path() / "sub"));
  REQUIRE(write_file_atomically(folder.path() / "sub/one", megabyte, Durable::no));
  REQUIRE(::link((folder.path() / "sub/one").c_str(), (folder.path() / "two").c_str()) == 0);
  CHECK_FALSE(count());
  CHECK(watch.written() >= 1'000'000);
  CHECK(watch.written() < 1'500'000);
  REQUIRE(write_file_atomically(folder.path() / "sub/three", megabyte, Durable::no));
  CHECK(count());
  CHECK_FALSE(watch.next());
  CHECK_FALSE(run::DiskWatch().next());
}

TEST_CASE("a job has no more processes than it may") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    resources: {processes: 20}
    commands: ["for i in $(seq 40); do sleep 1000 & done"]
)");
  if (!can_limit_processes()) {
    const std::string said = box.refused({"run", "w"}, 1);
    CHECK(holds(said, "control group"));
    CHECK(holds(said, ".dstack/workflows.yaml:4:"));
    return;
  }
  const auto ran = box.run({"run", "w"});
  INFO(ran.out << ran.err);
  CHECK(Sandbox::code(ran) != 0);
  CHECK(holds(ran.err, "it may have 20 at a time"));
}

TEST_CASE("a job with a control group has at most 32768 processes, never by the user's limit") {
  if (!can_limit_processes())
    SKIP("no control group limits processes here");
  std::string group;  // how a shell finds it
  for (const resources::Hierarchy& tree : resources::find_hierarchies())
    for (const std::string& controller : tree.controllers)
      if (controller == "pids")
        group = fmt::format("{}$(sed -n 's/^[0-9]*:{}://p' /proc/self/cgroup)",
                            tree.root.string(),
                            tree.version == resources::Hierarchy::Version::v1 ? "pids" : "");
  REQUIRE_FALSE(group.empty());
  const Sandbox box;
  box.workflows(fmt::format(R"(workflows:
  - name: w
    provider: bash
    resources: {{memory: 200MB}}
    commands:
      - grep 'Max processes' /proc/self/limits
      - cat {}/pids.max
)",
                            group));
  const std::string out = box.ok({"run", "w"});
  INFO(out);
  CHECK_FALSE(holds(out, "Max processes             32768"));
  CHECK(holds(out, "\n32768\n"));
}

TEST_CASE("a disk is nearly full with less than a twentieth and less than 5 GB left") {
  constexpr std::uint64_t gigabyte = 1'000'000'000;
  CHECK(holds(run::describe_little_space("/home", 3 * gigabyte, 100 * gigabyte), "3.0 GB of 100"));
  CHECK(run::describe_little_space("/home", 6 * gigabyte, 200 * gigabyte).empty());
  CHECK(run::describe_little_space("/home", 3 * gigabyte, 50 * gigabyte).empty());
  CHECK_FALSE(run::describe_little_space("/home", 0, 50 * gigabyte).empty());
}

TEST_CASE("a run on a disk that is nearly full says so, once") {
  const Sandbox box;
  box.workflows(
      "workflows: [{name: a, provider: bash, commands: [ls]}, {name: w, provider: bash, deps: [a], "
      "commands: [ls]}]\n");
  REQUIRE(make_folders(box.home()));
  process::Command command = box.command({"run", "w"});
  const std::vector<std::string> words = {
      "unshare",
      "-Urm",
      "sh",
      "-c",
      "mount -t tmpfs -o size=100m none \"$DSTACK_HOME\" && head -c 98000000 /dev/zero > "
      "\"$DSTACK_HOME/filling\" && \"$@\"",
      "sh"};
  command.argv.insert(command.argv.begin(), words.begin(), words.end());
  const auto ran = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(ran);
  if (holds(ran->err, "mount:") || holds(ran->err, "unshare:"))
    SKIP("no file system can be mounted here: " + ran->err);
  INFO(ran->err);
  CHECK(process::succeeded(ran->status));
  const std::size_t at = ran->err.find("is nearly full");
  REQUIRE(at != std::string::npos);
  CHECK(ran->err.find("is nearly full", at + 1) == std::string::npos);
}
