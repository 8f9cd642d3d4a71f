// `dstack wait`: the end of runs, without their output.
#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// Workflows `good` and `bad` that go on until somebody opens their pipe.
struct Held {
  Sandbox box;

  Held() {
    for (const char* name : {"good", "bad"})
      REQUIRE(::mkfifo((box.root() / name).c_str(), 0600) == 0);
    box.workflows(fmt::format(R"yaml(workflows:
  - {{name: good, provider: bash, commands: ["cat '{}'"]}}
  - {{name: bad, provider: bash, commands: ["cat '{}'; exit 7"]}}
)yaml",
                              (box.root() / "good").string(),
                              (box.root() / "bad").string()));
  }

  void let(const std::string& name) const {
    const Fd pipe(::open((box.root() / name).c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(pipe);
  }
};

}  // namespace

TEST_CASE("wait returns when all runs are over, with the code of the first that failed") {
  const Held held;
  const std::string good = held.box.start({"good"});
  const std::string bad = held.box.start({"bad"});
  auto waiting = process::spawn(held.box.command({"wait", good, bad}));
  REQUIRE(waiting);
  held.let("bad");
  held.let("good");
  const process::ExitStatus status = waiting->wait();
  const auto* exited = std::get_if<process::Exited>(&status);
  REQUIRE(exited != nullptr);
  CHECK(exited->code == 7);
  const auto both = held.box.run({"wait", good, bad});
  CHECK(Sandbox::code(both) == 7);
  CHECK_THAT(both.err, Catch::Contains(good + " done\n"));
  CHECK_THAT(both.err, Catch::Contains(bad + " failed"));
  CHECK(both.out.empty());
  held.box.ok({"wait", good});
}

TEST_CASE("wait gives up after its time, and the run goes on") {
  const Held held;
  const std::string run = held.box.start({"good"});
  const auto output = held.box.run({"wait", run, "--timeout", "1s"});
  CHECK(Sandbox::code(output) == 124);
  CHECK_THAT(output.err, Catch::Contains("run '" + run + "' is not over after 1s"));
  held.let("good");
  held.box.ok({"wait", run, "--timeout", "60s"});
}

TEST_CASE("wait refuses what it cannot wait for before it waits") {
  const Held held;
  const std::string run = held.box.start({"good"});
  CHECK_THAT(held.box.refused({"wait", run, "no-such-run-1"}, 2), Catch::Contains("no-such-run-1"));
  CHECK_THAT(held.box.refused({"wait", run, "--timeout", "soon"}, 2),
             Catch::Contains("'soon' is not a duration"));
  held.box.refused({"wait"}, 2);
  held.let("good");
}
