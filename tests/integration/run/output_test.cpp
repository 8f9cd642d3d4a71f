#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::Sandbox;

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
