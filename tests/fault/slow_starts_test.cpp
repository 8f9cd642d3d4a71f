// What happens while a supervisor was started and did not get to run yet.
#include "faults.hpp"
#include "support/leaks.hpp"

#include <algorithm>

#include <signal.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// Processes of a role stand still before their first instruction until release().
class SlowStarts {
 public:
  SlowStarts(Sandbox& box, const std::string& role)
      : go_(box.root() / "go"), report_(box.root() / "held") {
    box.set("LD_PRELOAD=" DSTACK_FAULTS "/held_starts.so");
    box.set("HOLD_IN=" + role);
    box.set("HOLD_UNTIL=" + go_.string());
    box.set("HOLD_REPORT=" + report_.string());
  }

  void release() const { REQUIRE(write_file_atomically(go_, "", Durable::no)); }

  /// How many were started so far.
  std::size_t started() const {
    const std::string lines = read_file(report_).value_or("");
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  }

 private:
  Path go_;
  Path report_;
};

/// Of runs of this home; 0: there is none.
int any_supervisor(const Sandbox& box) {
  const std::string beginning =
      std::string("dstack") + '\0' + "supervise" + '\0' + box.home().string() + '\0';
  for (const Process& process : all_processes())
    if (process.words.starts_with(beginning))
      return process.pid;
  return 0;
}

}  // namespace

TEST_CASE("no command starts a second supervisor while the first one did not get to run yet") {
  SKIP_IF_SANITIZED();
  Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const SlowStarts slow(box, "supervise");
  const std::string run = box.start({"w"});
  box.ok({"ps"});
  box.ok({"show", run});
  auto command = box.command({"logs", "-f", run});
  auto follower = process::spawn(command);
  REQUIRE(follower);
  // It has begun to follow.
  wait_until([&] { return fs::exists(box.home() / "runs" / run / "changes"); });
  box.ok({"ps"});
  wait_until([&] { return slow.started() > 0; });
  slow.release();
  CHECK(process::succeeded(follower->wait()));
  CHECK(box.wait(run)["status"] == "done");
  require_nothing_left(box);
  CHECK(slow.started() == 1);
}

TEST_CASE("'run' starts one supervisor for its run, however long that takes to start") {
  SKIP_IF_SANITIZED();
  Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const SlowStarts slow(box, "supervise");
  auto run = process::spawn(box.command({"run", "w"}));
  REQUIRE(run);
  wait_until([&] { return slow.started() > 0; });
  let_pass(std::chrono::milliseconds(200));  // several looks of a follower that polls
  slow.release();
  CHECK(process::succeeded(run->wait()));
  require_nothing_left(box);
  CHECK(slow.started() == 1);
}

TEST_CASE("a supervisor that was killed before it got to run is replaced") {
  SKIP_IF_SANITIZED();
  Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const SlowStarts slow(box, "supervise");
  auto run = process::spawn(box.command({"run", "w"}));
  REQUIRE(run);
  wait_until([&] { return slow.started() > 0; });
  // It is started before the run is on record.
  if (GENERATE(false, true))
    wait_until([&] { return !box.json({"ps", "-a", "--json"}).empty(); });
  const int first = any_supervisor(box);
  REQUIRE(first != 0);
  REQUIRE(::kill(first, SIGKILL) == 0);
  wait_until([&] { return slow.started() > 1; });
  slow.release();
  CHECK(process::succeeded(run->wait()));
  require_nothing_left(box);
  CHECK(slow.started() == 2);
}

TEST_CASE("a run that is refused leaves no supervisor, also if that did not get to run yet") {
  SKIP_IF_SANITIZED();
  Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const SlowStarts slow(box, "supervise");
  box.refused({"run", "w", "-t", "no/name"}, 2);
  CHECK(any_supervisor(box) == 0);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("a run that is killed while it is planned leaves no supervisor and no record") {
  SKIP_IF_SANITIZED();
  Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const SlowStarts slow(box, "provider-host");
  auto run = process::spawn(box.command({"run", "w"}));
  REQUIRE(run);
  wait_until([&] { return slow.started() > 0 && any_supervisor(box) != 0; });
  run->signal(SIGKILL);
  run->wait();
  wait_until([&] { return any_supervisor(box) == 0; });
  slow.release();
  require_nothing_left(box);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
  CHECK((!fs::exists(box.home() / "runs") || fs::is_empty(box.home() / "runs")));
}
