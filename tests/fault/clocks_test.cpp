// A wall clock that is set while a run goes on, by a year in either direction; and another boot.
#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/store/records/records.hpp"
#include "faults.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/results.hpp"
#include "support/server.hpp"

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr std::int64_t year = 31'536'000;
/// No run of these tests takes as long, and no clock is set by less.
constexpr double hour = 3600;

/// Its program has a wall clock of its own.
struct ClockBox : Sandbox {
  ClockBox() {
    set_clock(0);
    set("CLOCK_OFFSET=" + offset().string());
    set("LD_PRELOAD=" DSTACK_FAULTS "/moved_clock.so");
  }

  Path offset() const { return root() / "offset"; }

  /// By so many seconds from the true time, for all processes from this moment on.
  void set_clock(std::int64_t seconds) const {
    const Fd file(::open(offset().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    REQUIRE(::pwrite(file.get(), &seconds, sizeof seconds, 0) == sizeof seconds);
  }

  /// What holds a job up that reads from it.
  Path barrier(const std::string& name) const {
    const Path path = root() / name;
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    return path;
  }
};

/// Lets a job go on that reads from a barrier, as soon as it does.
void release(const Path& barrier) {
  wait_until([&] { return bool(Fd(::open(barrier.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC))); });
}

void check_short(const Json& seconds) {
  REQUIRE(seconds.is_number());
  CHECK(seconds.get<double>() >= 0);
  CHECK(seconds.get<double>() < hour);
}

/// Of the forms of a duration those of an hour and more.
bool shows_long_duration(const std::string& text) {
  return std::regex_search(text, std::regex("[0-9](h[0-9]{2}m|d[0-9]{2}h)"));
}

/// What elapsed of the run before each step of a job: never less than before the one before it.
std::vector<double> check_steps(const Json& job) {
  std::vector<double> steps;
  for (const Json& step : job["history"]) {
    check_short(step["elapsed_seconds"]);
    steps.push_back(step["elapsed_seconds"].get<double>());
  }
  CHECK(std::is_sorted(steps.begin(), steps.end()));
  return steps;
}

std::string year_of(const Json& time) {
  return time.get<std::string>().substr(0, 4);
}

void check_durations(const ClockBox& box, const std::string& name) {
  const Json run = box.json({"show", name, "--json"});
  check_short(run["duration_seconds"]);
  for (const Json& job : run["jobs"]) {
    check_steps(job);
    if (!job["duration_seconds"].is_null())
      check_short(job["duration_seconds"]);
  }
  for (const Json& workflow : box.json({"ps", name, "--json"}))
    if (!workflow["duration_seconds"].is_null())
      check_short(workflow["duration_seconds"]);
  for (const char* command : {"show", "ps"}) {
    const std::string text = box.ok({command, name});
    INFO(text);
    CHECK_FALSE(shows_long_duration(text));
  }
}

}  // namespace

TEST_CASE("a wall clock that is set by a year changes no duration and no order of a run") {
  SKIP_IF_SANITIZED();
  const std::int64_t jump = GENERATE(1, -1) * year;
  CAPTURE(jump);
  const ClockBox box;
  const Path first = box.barrier("first");
  const Path again = box.barrier("again");
  const std::string tried = (box.root() / "tried").string();
  box.workflows("workflows:\n  - {name: first, provider: bash, retry: 1, commands: [\"if mkdir " +
                tried + "; then echo began; cat " + first.string() +
                "; exit 3; fi; echo began again; cat " + again.string() +
                "\"]}\n  - {name: second, provider: bash, depends-on: [first], commands: [echo "
                "followed]}\n");
  const std::string name = box.start({"second"});
  wait_for_log(box, name, "began");

  box.set_clock(jump);
  check_durations(box, name);
  release(first);
  wait_until([&] { return holds(job_log(box, name), "began again"); });
  check_durations(box, name);
  box.set_clock(-jump);
  release(again);
  const Json run = box.wait(name);

  CHECK(run["status"] == "done");
  check_durations(box, name);
  const Json& jobs = run["jobs"];
  CHECK(jobs[0]["attempts"] == 2);
  CHECK(check_steps(jobs[0]).back() <= check_steps(jobs[1]).back());
  const std::string log = box.ok({"logs", name});
  CHECK(log.find("began") < log.find("began again"));
  CHECK(log.find("began again") < log.find("followed"));
  const std::string since = box.ok({"logs", name, "--since", "1h"});
  CHECK(since == log);
  // That it was set is what people see of it.
  CHECK(year_of(run["finished_at"]) != year_of(run["submitted_at"]));
}

TEST_CASE("a wall clock that is set by a year neither hastens a timeout nor keeps it from coming") {
  SKIP_IF_SANITIZED();
  const std::int64_t jump = GENERATE(1, -1) * year;
  CAPTURE(jump);
  const ClockBox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, timeout: 2s, commands: [\"echo began; exec sleep "
      "1001\"]}\n");
  const std::string name = box.start({"w"});
  wait_for_log(box, name, "began");

  box.set_clock(jump);
  const Json job = box.wait(name)["jobs"][0];

  CHECK(job["cause"] == "timeout");
  CHECK(check_steps(job).back() >= 2);
}

TEST_CASE("a run of another boot is ended without a negative duration, however the clock stands") {
  SKIP_IF_SANITIZED();
  const std::int64_t jump = GENERATE(0, -1) * year;
  CAPTURE(jump);
  const ClockBox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo began; exec sleep 1001\"]}\n");
  const std::string name = box.start({"w"});
  wait_for_log(box, name, "began");
  wait_until([&] { return box.json({"ps", name, "--json"})[0]["status"] == "running"; });
  const Path folder = box.home() / "runs" / name;
  REQUIRE(kill_process_of(folder / "run.lock"));
  REQUIRE(kill_process_of(folder / "0" / "wrapper"));
  auto records = value_of(store::Records::open(files::Home{box.home()}));
  const auto id = value_of(records.find_run(name))->id;
  REQUIRE(records.set_clock(id, {"another boot", std::chrono::hours(-10'000)}));

  box.set_clock(jump);
  const Json run = box.wait(name);

  CHECK(run["jobs"][0]["cause"] == "lost");
  check_durations(box, name);
}

TEST_CASE("a server that names the date of the next attempt is asked then, by its own clock") {
  SKIP_IF_SANITIZED();
  ClockBox box;
  box.set("no_proxy=127.0.0.1");
  const Server server;
  box.workflows("workflows:\n  - {name: get, provider: curl, url: \"" + server.url("/wait/date") +
                "\", output: data/file, environment: [LD_PRELOAD, CLOCK_OFFSET, no_proxy]}\n");
  box.set_clock(-year);
  box.ok({"run", "get"});
}

TEST_CASE("a clock that is set forward costs a notification one early attempt, not all of them") {
  SKIP_IF_SANITIZED();
  ClockBox box;
  box.set("DSTACK_NOTIFICATION_WAIT=100s");
  const Server server;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml",
                                "on_end:\n  - webhook: " + server.url("/well-at-third") + "\n",
                                Durable::no));
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  box.ok({"run", "w"});
  const std::string name = box.last_run();
  const auto next_is_due = [&](int attempts) {
    const Json notification = box.json({"show", name, "--json"})["notifications"][0];
    return notification["attempts"] == attempts && !notification["next_at"].is_null();
  };
  wait_until([&] { return next_is_due(1); });
  REQUIRE(kill_process_of(box.home() / "runs" / name / "run.lock"));

  box.set_clock(year);
  wait_until([&] { return next_is_due(2); });

  CHECK(server.requests().size() == 2);
  // It must not be started again.
  const auto waiting =
      process::parse_identity(read_file(box.home() / "runs" / name / "run.lock").value_or(""));
  REQUIRE(waiting);
  box.ok({"rm", "-y", name});
  REQUIRE(process::open_process(*waiting));
  CHECK(::kill(waiting->pid, SIGKILL) == 0);
}

TEST_CASE("what still goes on has lasted as long as the monotonic clock says") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo began; exec sleep 1001\"]}\n");
  const std::string name = box.start({"w"});
  wait_for_log(box, name, "began");
  wait_until([&] { return box.json({"ps", name, "--json"})[0]["status"] == "running"; });
  // The processes of that namespace were awake for two hours more.
  const std::vector<std::string> there = {
      "unshare", "--user", "--map-root-user", "--time", "--monotonic", "7200", "--fork", "--"};
  process::Command ps = box.command({"ps", name, "--json"});
  ps.argv.insert(ps.argv.begin(), there.begin(), there.end());
  process::Command nothing;
  nothing.argv = there;
  nothing.argv.push_back("true");
  if (const auto possible = process::run(nothing);
      !possible || !process::succeeded(possible->status))
    SKIP("there are no time namespaces for this user");

  const auto output = process::run(ps, {}, long_enough);

  REQUIRE(output);
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
  const auto shown = value_of(parse_json(output->out, "the output of dstack"));
  CHECK(shown[0]["duration_seconds"].get<double>() >= 2 * hour);
  CHECK(shown[0]["duration_seconds"].get<double>() < 3 * hour);
}
