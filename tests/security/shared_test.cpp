// What one job can do to the next: docs/reference/security.md, "What jobs share", with the real
// program.
#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// Writes over whatever stored object holds `genuine`, as any process of the same user may.
std::string poisoned(const Sandbox& box, const std::string& genuine) {
  return fmt::format(R"yaml(
  - name: evil
    provider: bash
    commands:
      - |
        for f in $(grep -rl '{}' '{}'); do
          chmod u+w "$(dirname "$f")" "$f" || continue
          sed -i 's/GENUINE/POISONS/' "$f" || true
        done
)yaml",
                     genuine,
                     (box.home() / "objects").string());
}

/// Whether it did.
bool is_poisoned(const Sandbox& box) {
  for (const auto& entry : fs::recursive_directory_iterator(box.home() / "objects"))
    if (fs::is_regular_file(fs::symlink_status(entry.path())) &&
        read_file(entry.path()).value_or("").find("POISONS") != std::string::npos)
      return true;
  return false;
}

}  // namespace

TEST_CASE("a job gets no descriptor of whoever called dstack, and none of dstack's own") {
  const Sandbox box;
  box.file("callers", "CANARY OF THE CALLER\n");
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    commands:
      - |
        for fd in /proc/self/fd/*; do
          n=${fd##*/}; [ $n -le 2 ] || readlink $fd || true
        done | grep -v '^/proc/' | sed 's/^/OPEN /'
        cat <&77 || echo none
)");
  const Fd callers(::open((box.project() / "callers").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(callers);
  for (const bool detached : {false, true}) {
    process::Command command = box.command(detached ? std::vector<std::string>{"run", "-d", "w"}
                                                    : std::vector<std::string>{"run", "w"});
    command.descriptors = {{77, callers.get()}};
    const auto output = process::run(command, {}, std::chrono::seconds(100));
    REQUIRE(output);
    REQUIRE(process::succeeded(output->status));
    const std::string log = detached ? box.ok({"logs", "-f"}) : output->out;
    CHECK_THAT(log, Catch::Contains("none\n"));
    CHECK_THAT(log, !Catch::Contains("CANARY"));
    CHECK_THAT(log, !Catch::Contains("OPEN "));
  }
}

TEST_CASE("variables of the caller that nobody named reach neither a job nor the record of it") {
  Sandbox box;
  box.set("CLOUD_SECRET_KEY=CANARYOFTHECALLER");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [env]}\n");
  CHECK_THAT(box.ok({"run", "w"}), !Catch::Contains("CANARYOFTHECALLER"));
  for (const auto& entry : fs::recursive_directory_iterator(box.home()))
    if (fs::is_regular_file(fs::symlink_status(entry.path()))) {
      INFO(entry.path().string());
      const auto text = read_file(entry.path());
      REQUIRE(text);
      CHECK(text->find("CANARYOFTHECALLER") == std::string::npos);
    }
}

TEST_CASE("code that a job has changed in the store is not what the next job runs") {
  const Sandbox box;
  box.file("code.txt", "GENUINE CODE\n");
  box.workflows("workflows:\n  - {name: good, provider: bash, commands: [cat code.txt]}" +
                poisoned(box, "GENUINE CODE"));
  CHECK(box.ok({"run", "good"}) == "GENUINE CODE\n");
  box.run({"run", "evil"});
  REQUIRE(is_poisoned(box));
  // Right, from what the project still has; or refused with the reason. Never the other's.
  const auto again = box.run({"run", "good"});
  INFO(again.err);
  CHECK_THAT(again.out, !Catch::Contains("POISONS"));
  if (Sandbox::code(again) != 0)
    CHECK_THAT(again.err, Catch::Contains("damaged"));
  else
    CHECK(again.out == "GENUINE CODE\n");
}

TEST_CASE("an artifact that a job has changed in the store is not handed out") {
  const Sandbox box;
  box.workflows(R"yaml(workflows:
  - name: make
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; echo 'GENUINE RESULT' > out/file"]
  - name: use
    provider: bash
    depends-on: ["make:v"]
    commands: ["cat out/file"])yaml" +
                poisoned(box, "GENUINE RESULT"));
  box.ok({"run", "make", "-t", "v"});
  CHECK(box.ok({"run", "use"}) == "GENUINE RESULT\n");
  box.run({"run", "evil"});
  REQUIRE(is_poisoned(box));
  const auto used = box.run({"run", "use"});
  INFO(used.err);
  CHECK_THAT(used.out, !Catch::Contains("POISONS"));
  const auto downloaded = box.run({"artifacts", "download", "make:v", "-o", "got"});
  INFO(downloaded.err);
  const auto got = read_file(box.project() / "got/out/file");
  if (Sandbox::code(downloaded) == 0)
    CHECK(got.value_or("") == "GENUINE RESULT\n");
  else
    CHECK(got.value_or("").find("POISONS") == std::string::npos);
}

TEST_CASE("an entry that a job has removed from the audit log is missed") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: good, provider: bash, commands: ["true"]}
  - name: evil
    provider: bash
    environment: {LOG: ")" +
                (box.home() / "audit.log").string() + R"("}
    commands: ["sed -i '1d' \"$LOG\""]
)");
  box.ok({"run", "-q", "good"});
  box.ok({"run", "-q", "good"});
  CHECK(box.json({"audit", "--json"}).size() == 2);
  box.run({"run", "-q", "evil"});
  const auto output = box.run({"audit"});
  CHECK(Sandbox::code(output) == 1);
  CHECK_THAT(output.err, Catch::Contains("the audit log is damaged"));
}
