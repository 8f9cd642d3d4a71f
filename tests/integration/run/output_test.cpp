#include "support/sandbox.hpp"
#include "support/text.hpp"
#include "support/wait.hpp"

#include <algorithm>

using namespace dstack;
using dstack::test::holds;
using dstack::test::Sandbox;
using dstack::test::wait_until;

TEST_CASE("one job's output passes through byte for byte") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    commands: ['printf "a\0b\xff\xfe\r50%%\r100%%\nlast"']
)");
  const std::string expected("a\0b\xff\xfe\r50%\r100%\nlast", 19);
  const std::string followed = box.ok({"run", "w"});
  CHECK((followed == expected));
  CHECK((box.ok({"logs"}) == expected));
}

TEST_CASE("a line of 64 MiB is kept and shown whole") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"head -c 67108864 /dev/zero | tr "
      "'\\\\0' x\"]}\n");
  const std::string out = box.ok({"run", "w"});
  CHECK(out.size() == 67108864);
  CHECK(out.find_first_not_of('x') == std::string::npos);
}

TEST_CASE("standard output and error are one stream in the order of writing") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo 1; echo 2 >&2; echo 3\"]}\n");
  CHECK(box.ok({"run", "w"}) == "1\n2\n3\n");
}

TEST_CASE("a job that opens /dev/stderr by name loses nothing of its log") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo 1\", \"echo 2 > /dev/stderr\", "
      "\"echo 3\"]}\n");
  CHECK(box.ok({"run", "w"}) == "1\n2\n3\n");
}

TEST_CASE("lines of several jobs are prefixed and never torn") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: a, provider: bash, commands: ["for i in $(seq 2000); do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done"]}
  - {name: b, provider: bash, commands: ["for i in $(seq 2000); do echo bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb; done"]}
  - {name: both, provider: bash, depends-on: [a, b], commands: ["echo c"]}
)");
  const std::string out = box.ok({"run", "both"});
  std::size_t lines = 0;
  for (std::size_t at = 0; at < out.size(); ++lines) {
    const std::size_t end = out.find('\n', at);
    REQUIRE(end != std::string::npos);
    const std::string line = out.substr(at, end - at);
    const bool whole = line.find(std::string(32, 'a')) != std::string::npos ||
                       line.find(std::string(32, 'b')) != std::string::npos || line.back() == 'c';
    CHECK(whole);
    at = end + 1;
  }
  CHECK(lines == 4001);
}

TEST_CASE("the log of the last run is shown when none is named, and -n gives its last lines") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"seq 100\"]}\n");
  box.ok({"run", "w"});
  CHECK(box.ok({"logs", "-n", "2"}) == "99\n100\n");
}

TEST_CASE("a bar that only returns the carriage is seen in a file while other jobs run") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: bar
    provider: bash
    commands:
      - |
        i=0; while ! [ -e $DSTACK_PROJECT/go ]; do printf '\r%d steps' $((i += 1)); sleep 0.05; done
        printf '\rall steps\n'
  - {name: other, provider: bash, commands: ["echo hello"]}
  - {name: both, provider: bash, depends-on: [bar, other], commands: ["true"]}
)");
  const std::string name = box.start({"both"});
  const Path shown = box.root() / "shown";
  process::Command command = box.command({});
  command.argv = {
      "/bin/bash", "-c", "exec \"$1\" logs -f > \"$2\"", "-", DSTACK_BINARY, shown.string()};
  auto child = process::spawn(command);
  REQUIRE(child);
  const auto count = [&](const std::string& text) {
    const std::string all = read_file(shown).value_or("");
    std::size_t found = 0;
    for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
      ++found;
    return found;
  };
  wait_until([&] { return count(" steps\n") >= 2 && count("other | hello\n") == 1; });
  box.file("go", "");
  child->wait();
  CHECK(count("bar | all steps\n") == 1);
  // Not each of the states: the log has all of them.
  const std::string log = box.ok({"logs", name, "bar"});
  CHECK(holds(log, "\r1 steps\r2 steps\r3 steps"));
  CHECK(count("\n") < static_cast<std::size_t>(std::count(log.begin(), log.end(), '\r')));
}
