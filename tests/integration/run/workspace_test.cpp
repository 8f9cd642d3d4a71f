#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

using namespace dstack;
using dstack::test::Sandbox;

TEST_CASE("what a job changes beside its artifacts is kept with the run and comes back") {
  const Sandbox box;
  box.file("notes.txt", "1\n");
  box.file("gone.txt", "g\n");
  box.workflows(R"(workflows:
  - name: edit
    provider: bash
    artifacts: [out]
    commands: ["echo 2 >> notes.txt; rm gone.txt; echo new > fresh.txt; mkdir out; echo r > out/r"]
)");
  box.ok({"run", "edit"});
  CHECK(box.ok({"code", "--changes"}) == "A  fresh.txt\nD  gone.txt\nM  notes.txt\n");
  const Json list = box.json({"code", "--changes", "--json"});
  REQUIRE(list.size() == 3);
  CHECK(list[1]["path"] == "gone.txt");
  CHECK(list[1]["kind"] == "removed");
  CHECK(list[1]["workflow"] == "edit");

  const Path to = box.root() / "changes";
  box.ok({"code", "--changes", "-o", to.string()});
  CHECK(*read_file(to / "notes.txt") == "1\n2\n");
  CHECK_FALSE(fs::exists(to / "out"));

  CHECK(*read_file(box.project() / "notes.txt") == "1\n");
  box.ok({"code", "--changes", "--apply"});
  CHECK(*read_file(box.project() / "notes.txt") == "1\n2\n");
  CHECK(*read_file(box.project() / "fresh.txt") == "new\n");
  CHECK_FALSE(fs::exists(box.project() / "gone.txt"));
}

TEST_CASE("changes that the project contradicts are a conflict, reported with exit code 1") {
  const Sandbox box;
  box.file("notes.txt", "1\n");
  box.workflows(R"(workflows:
  - {name: edit, provider: bash, commands: ["echo job > notes.txt"]}
)");
  box.ok({"run", "edit"});
  box.file("notes.txt", "user\n");
  const auto output = box.run({"code", "--changes", "--apply"});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.out == "CONFLICT   notes.txt\n");
  CHECK(*read_file(box.project() / "notes.txt") == "user\n");
}

TEST_CASE("a failed and a stopped job keep their changes, an aborted one does not") {
  const Sandbox box;
  box.file("notes.txt", "1\n");
  box.workflows(R"(workflows:
  - {name: fail, provider: bash, commands: ["echo 2 >> notes.txt; exit 3"]}
  - {name: wait, provider: bash, commands: ["echo 2 >> notes.txt; echo ready; sleep 1000"]}
)");
  CHECK(Sandbox::code(box.run({"run", "fail"})) == 3);
  CHECK(box.ok({"code", "--changes"}) == "M  notes.txt\n");
  const std::string stopped = box.start({"wait"});
  test::wait_for_log(box, stopped, "ready");
  box.ok({"stop", stopped});
  CHECK(box.ok({"code", stopped, "--changes"}) == "M  notes.txt\n");
  const std::string aborted = box.start({"wait"});
  test::wait_for_log(box, aborted, "ready");
  box.ok({"stop", aborted, "--abort"});
  CHECK(box.ok({"code", aborted, "--changes"}).empty());
}

TEST_CASE("a job that writes nothing has nothing to upload, however soon it ends") {
  const Sandbox box;
  for (int i = 0; i < 50; ++i)  // made until the job starts
    box.file(fmt::format("{}.txt", i), "1\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  for (int i = 0; i < 20; ++i) {
    box.ok({"run", "w"});
    CHECK(Sandbox::statuses(box.json({"show", "--json"})["jobs"][0]) ==
          std::vector<std::string>{"submitted", "running", "done"});
  }
}

TEST_CASE(
    "with workspace: project a job works in the user's folder, and nothing of it is removed") {
  const Sandbox box;
  box.file("mine.txt", "mine\n");
  box.workflows(R"(workflows:
  - {name: make, provider: bash, artifacts: [data], commands: ["mkdir data; echo made > data/x; echo made > data/y"]}
  - name: use
    provider: bash
    depends-on: [make]
    workspace: project
    artifacts: [out]
    commands: ["pwd; cat data/x data/y; mkdir -p out; echo o > out/o; echo here > here.txt"]
)");
  box.file("data/x", "the user's\n");
  const std::string printed = box.ok({"run", "use"});
  CHECK(printed.find(box.project().string() + "\n") != std::string::npos);
  CHECK(printed.find("the user's\n") != std::string::npos);
  CHECK(printed.find("made\n") != std::string::npos);
  CHECK(*read_file(box.project() / "mine.txt") == "mine\n");
  CHECK(*read_file(box.project() / "here.txt") == "here\n");
  CHECK(*read_file(box.project() / "data" / "x") == "the user's\n");
  const std::string run = box.last_run();
  CHECK(box.json({"artifacts", "list", run, "--json"}).size() == 3);
  CHECK(box.run({"code", "--changes"}).out.empty());
}

TEST_CASE("setup runs before the main command, in the same shell, and its failure is the job's") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: ok, provider: bash, setup: ["export GREETING=hello"], commands: ["echo $GREETING"]}
  - {name: bad, provider: bash, before_run: ["exit 4"], commands: ["echo never"]}
)");
  CHECK(box.ok({"run", "ok"}) == "hello\n");
  CHECK(box.ok({"run", "ok", "--setup", "export GREETING=hi"}) == "hi\n");
  const auto bad = box.run({"run", "bad"});
  CHECK(Sandbox::code(bad) == 4);
  CHECK(bad.out.empty());
}

TEST_CASE("a working directory that leads out of the workspace through a link is refused") {
  const Sandbox box;
  const Path elsewhere = box.root() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_symlink(elsewhere, box.project() / "link");
  fs::create_symlink("inside", box.project() / "near");
  box.file("inside/f", "here\n");
  const auto in = [&](const std::string& folder) {
    box.workflows("workflows:\n  - {name: w, provider: bash, working_dir: " + folder +
                  ", commands: [\"cat f; echo x > written\"]}\n");
    return box.run({"run", "w"});
  };
  for (const char* folder : {"link", "link/deeper"}) {
    const auto output = in(folder);
    CHECK(Sandbox::code(output) == 125);
    CHECK(output.err.find("leads out of the workspace through a link, to '" + elsewhere.string()) !=
          std::string::npos);
    CHECK(fs::is_empty(elsewhere));
  }
  CHECK(in("near").out == "here\n");
}

TEST_CASE("a workspace deeper than any path is removed, and an artifact that is refused says why") {
  const Sandbox box;
  // Each round puts what is there into a folder of a hundred levels more.
  const std::string deep =
      "mkdir out; for i in $(seq 22); do mkdir -p more/$(printf 'd/%.0s' $(seq 100)); "
      "mv out more/$(printf 'd/%.0s' $(seq 100)); mv more out; done";
  box.workflows("workflows:\n  - name: left\n    provider: bash\n    commands: [\"" + deep +
                "\"]\n  - name: kept\n    provider: bash\n    artifacts: [out]\n    commands: [\"" +
                deep + "\"]\n");
  const auto folder = [&] { return box.home() / "runs" / box.last_run(); };

  const auto left = box.run({"run", "left"});
  CHECK(Sandbox::code(left) == 0);
  test::wait_until([&] {  // removed behind the run's end
    return !fs::exists(folder() / "0" / run::file_names::workspace);
  });

  const auto kept = box.run({"run", "kept"});
  CHECK(Sandbox::code(kept) == 125);
  CHECK(kept.err.find("the artifact 'out' could not be stored: 'out/d/") != std::string::npos);
  CHECK(kept.err.find("is nested too deeply") != std::string::npos);
  const Path refused = folder();
  CHECK(fs::exists(refused / "0" / run::file_names::workspace));  // the message says so
  box.ok({"rm", box.last_run(), "-y"});
  CHECK_FALSE(fs::exists(refused));
}
