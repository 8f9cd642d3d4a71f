// Commands that free disk space, and show where it is.
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"
#include "words.hpp"

#include <algorithm>

using namespace dstack;
using dstack::test::named;
using dstack::test::Sandbox;

namespace {

/// Each run saves the same large file, and a small one of its own beside it; and leaves one.
void write_workflow(const Sandbox& box) {
  box.workflows(R"(workflows:
  - name: make
    provider: bash
    commands: ["mkdir out", "seq 100000 > out/same", "echo artifact-$RUN_NAME > out/own", "echo left-$RUN_NAME > left"]
    artifacts: [out]
)");
}

std::string make_run(const Sandbox& box) {
  box.ok({"run", "-q", "make"});
  return box.last_run();
}

/// Whether any file of the home has these bytes in it.
bool home_holds(const Sandbox& box, const std::string& bytes) {
  for (fs::recursive_directory_iterator each(box.home()), end; each != end; ++each)
    if (fs::is_regular_file(fs::symlink_status(each->path())) &&
        read_file(each->path()).value_or("").find(bytes) != std::string::npos)
      return true;
  return false;
}

std::size_t count_runs(const Sandbox& box) {
  return box.json({"ps", "-a", "--json"}).size();
}

}  // namespace

TEST_CASE("no byte of what a removed run saved or left is in the home") {
  const Sandbox box;
  write_workflow(box);
  const std::string kept = make_run(box);
  const std::string removed = make_run(box);
  REQUIRE(home_holds(box, "artifact-" + removed));
  REQUIRE(home_holds(box, "left-" + removed));

  box.ok({"rm", "-y", removed});

  CHECK_FALSE(home_holds(box, "artifact-" + removed));
  CHECK_FALSE(home_holds(box, "left-" + removed));
  CHECK(box.ok({"artifacts", "cat", kept, "out/own"}) == "artifact-" + kept + "\n");
  CHECK(box.ok({"artifacts", "cat", kept, "out/same"}).size() == 588895);
}

TEST_CASE("what a workspace in layers was given goes with its run") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: give
    provider: bash
    commands: ["mkdir out", "head -c 6000000 /dev/zero | tr '\\0' x > out/large", "echo word-$RUN_NAME >> out/large"]
    artifacts: [out]
  - name: take
    provider: bash
    depends-on: [give]
    commands: ["tail -1 out/large"]
)");
  box.ok({"run", "-q", "take"});
  const std::string name = box.last_run();
  REQUIRE(home_holds(box, "word-" + name));

  box.ok({"rm", "-y", name});

  CHECK_FALSE(home_holds(box, "word-" + name));
}

TEST_CASE("prune needs a rule, and keeps what is newest and what is tagged") {
  const Sandbox box;
  write_workflow(box);
  CHECK(box.refused({"prune"}, 2).find("needs a rule") != std::string::npos);
  CHECK(box.refused({"prune", "--keep", "many"}, 2).find("whole number") != std::string::npos);
  CHECK(box.refused({"prune", "--older", "long"}, 2).find("needs an age") != std::string::npos);
  const std::string tagged = make_run(box);
  box.ok({"tags", "add", "v1", tagged});
  const std::string oldest = make_run(box);
  make_run(box);
  const std::string newest = make_run(box);

  const Json list = box.json({"prune", "--keep", "2", "--dry-run", "--json"});
  REQUIRE(list.size() == 1);
  CHECK(list[0]["run"] == oldest);
  CHECK(box.json({"prune", "--keep", "0", "--older", "30d", "--dry-run", "--json"}).empty());
  CHECK(box.json({"prune", "--keep", "0", "-w", "other", "--dry-run", "--json"}).empty());
  CHECK(box.refused({"prune", "--keep", "1"}, 2).find("needs confirmation") != std::string::npos);
  CHECK(count_runs(box) == 4);

  box.ok({"prune", "--keep", "1", "-y"});

  CHECK(count_runs(box) == 2);
  CHECK(box.last_run() == newest);
  CHECK_FALSE(home_holds(box, "artifact-" + oldest));
  CHECK(home_holds(box, "artifact-" + tagged));
}

TEST_CASE("a supervisor forgets runs by the rule of the settings") {
  const Sandbox box;
  write_workflow(box);
  const std::string first = make_run(box);
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "retention: {keep: 1}\n", Durable::no));
  const std::string second = make_run(box);

  test::wait_until([&] { return count_runs(box) == 1; });

  CHECK(box.last_run() == second);
  test::wait_until([&] { return !home_holds(box, "artifact-" + first); });
  CHECK(box.refused({"show", first}, 2).find("no run") != std::string::npos);
}

TEST_CASE("a collection takes what is nobody's, and names who holds the rest") {
  const Sandbox box;
  write_workflow(box);
  const std::string name = make_run(box);
  box.ok({"tags", "add", "best", name});
  const Path orphan = box.home() / "runs/no-such-run-1";
  REQUIRE(make_folders(orphan / "0/workspace"));
  REQUIRE(write_file_atomically(orphan / "0/workspace/file", "of nobody", Durable::no));

  const Json seen = box.json({"gc", "--dry-run", "--json"});

  CHECK(seen["parts"][0] == Json{{"part", "folders"},
                                 {"count", 1},
                                 {"bytes", seen["parts"][0]["bytes"]}});
  CHECK(seen["holders"][0]["run"] == name + " (make:best)");
  CHECK(home_holds(box, "of nobody"));
  const std::string said = named(box.ok({"gc"}));
  CHECK(said.find("folders of runs not on record") != std::string::npos);
  CHECK_FALSE(home_holds(box, "of nobody"));
  CHECK_FALSE(fs::exists(orphan));
  CHECK(box.ok({"artifacts", "cat", name, "out/own"}) == "artifact-" + name + "\n");
  CHECK(box.run({"gc"}).err.find("nothing to free") == 0);
}

TEST_CASE("du tells what one run alone needs from what several share") {
  const Sandbox box;
  write_workflow(box);
  const std::string first = make_run(box);
  const std::string second = make_run(box);
  box.ok({"tags", "add", "v1", first});

  const Json use = box.json({"du", "--json"});

  REQUIRE(use["runs"].size() == 2);
  for (const Json& run : use["runs"]) {
    CHECK(run["own"] == std::string("artifact-\n").size() + run["name"].get<std::string>().size());
    CHECK(run["shared"].get<std::int64_t>() >= 588895);
    CHECK(run["folder"].get<std::int64_t>() > 0);
  }
  CHECK(use["workflows"][0]["name"] == "make");
  CHECK(use["tags"][0]["name"] == "make:v1");
  CHECK(use["parts"]["shared"].get<std::int64_t>() >= 588895);
  const std::string text = box.ok({"du"});
  CHECK(text.find("saved by several runs") != std::string::npos);
  CHECK(text.find(second) != std::string::npos);
}
