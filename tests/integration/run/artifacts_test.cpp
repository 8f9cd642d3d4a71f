#include "support/sandbox.hpp"

#include <sys/stat.h>

using namespace dstack;
using dstack::test::Sandbox;

TEST_CASE("a tagged run's artifacts feed a later run, and nothing is run again") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: download, provider: bash, commands: ["mkdir data; date +%N > data/x; cat data/x"], artifacts: [./data/]}
  - {name: train, provider: bash, depends-on: ["download:latest"], commands: ["cat data/x"]}
)");
  const std::string made = box.ok({"run", "download", "-t", "latest"});
  CHECK(box.ok({"run", "train"}) == made);
  CHECK(box.json({"tags", "list", "--json"})[0]["workflow"] == "download");
}

TEST_CASE("a missing tag is reported with the command that makes one, before anything starts") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: download, provider: bash, commands: ["true"]}
  - {name: train, provider: bash, depends-on: ["download:latest"], commands: ["true"]}
)");
  const auto output = box.run({"run", "train"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("dstack tags add latest") != std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("artifacts come back as they were: x bit, empty folders, links, times") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    artifacts: [out]
    commands:
      - mkdir -p out/empty out/sub
      - echo run > out/sub/tool; chmod +x out/sub/tool; ln -s sub/tool out/link; touch -d 2020-01-02T03:04:05Z out/sub/tool
)");
  box.ok({"run", "w"});
  const std::string name = box.last_run();
  const Path to = box.root() / "got";
  box.ok({"artifacts", "download", name, "-o", to.string()});

  CHECK(fs::is_directory(to / "out" / "empty"));
  CHECK(fs::read_symlink(to / "out" / "link") == Path("sub/tool"));

  struct stat status {};

  REQUIRE(::stat((to / "out" / "sub" / "tool").c_str(), &status) == 0);
  CHECK((status.st_mode & 0111) == 0111);
  CHECK(status.st_mtime == 1577934245);
}

TEST_CASE(
    "a declared artifact that does not exist is a warning, and a failed job's are kept as "
    "partial") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: none, provider: bash, commands: ["true"], artifacts: [out]}
  - {name: bad, provider: bash, commands: ["mkdir out; echo x > out/x; exit 1"], artifacts: [out]}
)");
  const auto output = box.run({"run", "none"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.err.find("'out'") != std::string::npos);

  CHECK(box.refused({"run", "bad"}, 1).find("bad failed (exit 1)") != std::string::npos);
  const std::string name = box.last_run();
  CHECK(box.json({"artifacts", "list", name, "--json"}).size() == 1);
  CHECK(box.refused({"tags", "add", "t", name}, 1).find("--partial") != std::string::npos);
  CHECK(Sandbox::code(box.run({"tags", "add", "t", name, "--partial"})) == 0);
}

TEST_CASE("a warning is not shown as the cause of a failure") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, artifacts: [out], commands: [\"mkdir out; echo a > out/f\"]}\n"
      "  - {name: b, provider: bash, artifacts: [out], commands: [\"mkdir out; echo b > out/f\"]}\n"
      "  - {name: c, provider: bash, depends-on: [a, b], commands: [\"exit 9\"]}\n");
  const auto output = box.run({"run", "c"});
  CHECK(Sandbox::code(output) == 9);
  CHECK(output.err.find("warning: c: 1 file came from more than one place") != std::string::npos);
  CHECK(output.err.find("c failed (exit 9)\n") != std::string::npos);
  const Json job = box.json({"show", box.last_run(), "--json"})["jobs"][2];
  CHECK(job["reason"].is_null());
  CHECK(job["warnings"].size() == 1);
}

TEST_CASE("of two dependencies with the same file the later wins, with a warning") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: a, provider: bash, commands: ["mkdir d; echo a > d/x; echo a > d/only-a"], artifacts: [d]}
  - {name: b, provider: bash, commands: ["mkdir d; echo b > d/x"], artifacts: [d]}
  - {name: both, provider: bash, depends-on: [a, b], commands: ["cat d/x d/only-a"]}
)");
  const auto output = box.run({"run", "both"});
  CHECK(output.out.find("b\n") != std::string::npos);
  CHECK(output.err.find("d/x") != std::string::npos);
}

TEST_CASE("an artifact through a link that leaves the workspace is refused") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"ln -s /etc out\"], artifacts: "
      "[out/ssl]}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 125);
  CHECK(output.err.find("out/ssl") != std::string::npos);
}

TEST_CASE("an artifact that cannot be stored takes no other with it, nor how the job ended") {
  const Sandbox box;
  const auto workflow = [&](const std::string& end) {
    box.workflows(
        "workflows:\n  - name: w\n    provider: bash\n    artifacts: [bad, good]\n"
        "    commands:\n      - mkdir good; echo x > good/f; ln -s /etc bad; exit " +
        end + "\n");
  };

  workflow("5");
  auto output = box.run({"run", "w"});

  CHECK(Sandbox::code(output) == 5);
  CHECK(output.err.find("(exit 5): the artifact 'bad' could not be stored: ") != std::string::npos);
  CHECK(output.err.find("what the job made is still in '") != std::string::npos);
  CHECK(box.ok({"artifacts", "list"}).find("good/f") != std::string::npos);

  workflow("0");
  output = box.run({"run", "w"});

  CHECK(Sandbox::code(output) == 125);
  const Json job = box.json({"show", "--json"})["jobs"][0];
  CHECK(job["cause"] == "lost");
  CHECK(job["exit_code"] == 0);
  CHECK(box.ok({"artifacts", "list"}).find("good/f") != std::string::npos);
}

TEST_CASE("the code of a run can be written to a folder") {
  const Sandbox box;
  box.file("src/a.txt", "v1\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "w"});
  box.file("src/a.txt", "v2\n");
  const std::string name = box.last_run();
  box.ok({"code", name, "-o", (box.root() / "code").string()});
  CHECK(*read_file(box.root() / "code" / "src" / "a.txt") == "v1\n");
}
