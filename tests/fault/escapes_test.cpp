// What a job has started ends with it, whatever it did to get away (zoo.c), and whoever of those
// that watch over it was killed. And a run that a job has submitted is none of its processes.
#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/leaks.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

struct Escaped {
  std::string name;
  process::Identity identity;
};

/// A job that is the zoo, and what has got away from it.
class Zoo {
 public:
  Zoo(const std::string& milliseconds, const std::string& code) {
    box_.workflows(
        fmt::format("workflows:\n  - {{name: zoo, provider: bash, commands: [\"{} {} {} {}\"]}}\n",
                    DSTACK_ZOO,
                    list().string(),
                    milliseconds,
                    code));
    run_ = box_.start({"zoo"});
    wait_for_log(box_, run_, "started");
    const std::string names = read_file(list()).value();
    for (const std::string_view line : split(names, '\n'))
      note(line);
    REQUIRE(escaped_.size() >= 8);
  }

  const Sandbox& box() const { return box_; }

  const std::string& run() const { return run_; }

  void kill_supervisor() const { REQUIRE(kill_process_of(folder() / "run.lock")); }

  void kill_runner() const { REQUIRE(kill_process_of(folder() / "0/wrapper")); }

  std::string status() const { return box_.wait(run_)["status"].get<std::string>(); }

  std::string cause() const { return box_.wait(run_)["jobs"][0]["cause"].dump(); }

  /// The hopper has another number each time, and is known by its words.
  void require_nothing_left() const {
    std::string left;
    const auto all_gone = [&] {
      left.clear();
      for (const Escaped& one : escaped_)
        if (process::open_process(one.identity))
          left += one.name + " ";
      for (const Process& one : all_processes())
        if (one.words.find(list().string()) != std::string::npos)
          left += fmt::format("process {} ", one.pid);
      return left.empty();
    };
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!all_gone() && std::chrono::steady_clock::now() < end)
      let_pass(std::chrono::milliseconds(5));
    for (const Escaped& one : escaped_)
      if (process::open_process(one.identity))
        ::kill(one.identity.pid, SIGKILL);
    INFO("left: " << left);
    CHECK(left.empty());
  }

 private:
  Path list() const { return box_.root() / "escaped"; }

  Path folder() const { return box_.home() / "runs" / run_; }

  void note(std::string_view line) {
    const auto words = split(line, ' ');
    const auto pid = words.size() == 2 ? parse_number<pid_t>(words[1]) : std::nullopt;
    if (const auto identity = pid ? process::identity_of(*pid) : std::nullopt)
      escaped_.push_back({std::string(words[0]), *identity});
  }

  Sandbox box_;
  std::string run_;
  std::vector<Escaped> escaped_;
};

}  // namespace

TEST_CASE("escapes: nothing outlives a job that ends by itself") {
  const std::string code = GENERATE("0", "3");
  const Zoo zoo("300", code);
  CHECK(zoo.status() == (code == "0" ? "done" : "failed"));
  zoo.require_nothing_left();
}

TEST_CASE("escapes: nothing outlives a stop") {
  const Zoo zoo("100000", "0");
  zoo.box().ok({"stop", "-y", zoo.run()});
  CHECK(zoo.status() == "stopped");
  zoo.require_nothing_left();
}

TEST_CASE("escapes: nothing outlives an abort") {
  const Zoo zoo("100000", "0");
  zoo.box().ok({"stop", "-x", "-y", zoo.run()});
  CHECK(zoo.status() == "aborted");
  zoo.require_nothing_left();
}

TEST_CASE("escapes: nothing outlives a stop by a second supervisor") {
  const Zoo zoo("100000", "0");
  zoo.kill_supervisor();
  zoo.box().ok({"stop", "-y", zoo.run()});
  CHECK(zoo.status() == "stopped");
  zoo.require_nothing_left();
}

TEST_CASE("escapes: nothing outlives a runner that is killed") {
  const Zoo zoo("100000", "0");
  zoo.kill_runner();
  CHECK(zoo.status() == "failed");
  CHECK(zoo.cause() == "\"lost\"");
  zoo.require_nothing_left();
}

TEST_CASE("escapes: the next command ends what a killed runner and supervisor have left") {
  const Zoo zoo("100000", "0");
  const bool supervisor_first = GENERATE(true, false);
  if (supervisor_first)
    zoo.kill_supervisor();
  zoo.kill_runner();
  if (!supervisor_first)
    zoo.kill_supervisor();
  zoo.box().ok({"ps"});
  CHECK(zoo.status() == "failed");
  zoo.require_nothing_left();
}

namespace {

/// A run that a job submits, and which waits for a file.
class Submitting {
 public:
  explicit Submitting(const std::string& keys = {}) {
    box_.workflows(fmt::format(
        "workflows:\n"
        "  - name: outer\n    provider: bash\n{}    environment: {{DSTACK_HOME: '{}'}}\n"
        "    commands: [\"cd '{}'; '{}' run -d inner > '{}'; echo submitted; while [ ! -e '{}' ]; "
        "do sleep 0.01; done\"]\n"
        "  - name: inner\n    provider: bash\n"
        "    commands: [\"echo inner began; while [ ! -e '{}' ]; do sleep 0.01; done; echo inner "
        "ended\"]\n",
        keys,
        box_.home().string(),
        box_.project().string(),
        DSTACK_BINARY,
        file("name").string(),
        file("end-outer").string(),
        file("end-inner").string()));
    outer_ = box_.start({"outer"});
    wait_for_log(box_, outer_, "submitted");
    const std::string text = read_file(file("name")).value();
    inner_ = text.substr(0, text.find('\n'));
    wait_for_log(box_, inner_, "inner began");
  }

  const Sandbox& box() const { return box_; }

  const std::string& outer() const { return outer_; }

  void let_outer_end() const { allow("end-outer"); }

  void kill_runner() const {
    REQUIRE(kill_process_of(box_.home() / "runs" / outer_ / "0/wrapper"));
  }

  std::string end_of_outer() const { return box_.wait(outer_)["status"].get<std::string>(); }

  /// It goes on after the outer one has ended, to its own end.
  void require_inner_goes_on() const {
    const Json now = box_.json({"show", inner_, "--json"});
    CHECK(now["status"] == "running");
    allow("end-inner");
    CHECK(box_.wait(inner_)["status"] == "done");
    CHECK(job_log(box_, inner_).find("inner ended") != std::string::npos);
  }

 private:
  Path file(const std::string& name) const { return box_.root() / name; }

  void allow(const std::string& name) const {
    REQUIRE(write_file_atomically(file(name), "", Durable::no));
  }

  Sandbox box_;
  std::string outer_;
  std::string inner_;
};

}  // namespace

TEST_CASE("a run that a job submits outlives the job's own end") {
  const Submitting runs;
  runs.let_outer_end();
  CHECK(runs.end_of_outer() == "done");
  runs.require_inner_goes_on();
}

TEST_CASE("a run that a job submits outlives a stop and an abort of the job") {
  const Submitting runs;
  const bool aborts = GENERATE(false, true);
  std::vector<std::string> words = {"stop", "-y", runs.outer()};
  if (aborts)
    words.insert(words.begin() + 1, "-x");
  runs.box().ok(words);
  CHECK(runs.end_of_outer() == (aborts ? "aborted" : "stopped"));
  runs.require_inner_goes_on();
}

TEST_CASE("a run that a job submits outlives the timeout of the job") {
  const Submitting runs("    timeout: 2s\n");
  CHECK(runs.end_of_outer() == "failed");
  runs.require_inner_goes_on();
}

TEST_CASE("a run that a job submits outlives the kill of the job's runner") {
  const Submitting runs;
  runs.kill_runner();
  CHECK(runs.end_of_outer() == "failed");
  runs.require_inner_goes_on();
}
