// What the store holds and the database says is proven before it is given to anybody.
#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"
#include "words.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

enum class Harm { flip, cut, empty, remove };

constexpr std::array all_harms = {Harm::flip, Harm::cut, Harm::empty, Harm::remove};

void harm(Harm how, const Path& file) {
  REQUIRE(fs::exists(file));
  if (how == Harm::remove)
    fs::remove(file);
  else if (how == Harm::cut)
    fs::resize_file(file, fs::file_size(file) - 1);
  else if (how == Harm::empty)
    fs::resize_file(file, 0);
  else {
    const auto open = open_file(file.string(), O_WRONLY);
    REQUIRE(open);
    REQUIRE(::pwrite(open->get(), "#", 1, 2) == 1);
  }
}

/// A project whose run 'make' is tagged, and whose workflow 'use' takes what it saved.
class Project {
 public:
  /// `size`: of the file, in bytes. `workspace`: of the workflow that uses it.
  Project(std::size_t size, const std::string& workspace) {
    box.workflows(fmt::format(R"(workflows:
  - name: make
    provider: bash
    artifacts: [out]
    commands: ["mkdir out", "head -c {0} /dev/zero | tr '\\0' 'x' > out/file", "echo y > out/other"]
  - name: use
    provider: bash
    workspace: {1}
    depends-on: ["make:v1"]
    commands: [sha256sum out/file]
)",
                              size,
                              workspace));
    box.ok({"run", "-q", "make", "-t", "v1"});
    run = box.last_run();
    content = std::string(size, 'x');
    const std::string hex = sha256(content).render();
    object = box.home() / "objects" / hex.substr(0, 2) / hex.substr(2);
  }

  void save_again() const { box.ok({"run", "-q", "make"}); }

  Sandbox box;
  std::string run;
  std::string content;
  Path object;
};

}  // namespace

TEST_CASE("a damaged object is not downloaded, and saving the same content again mends it") {
  const Project p(GENERATE(std::size_t{9}, std::size_t{3'000'000}), "private");
  const std::string to = (p.box.root() / "to").string();
  for (const Harm how : all_harms) {
    CAPTURE(static_cast<int>(how));
    harm(how, p.object);
    const std::string said = p.box.refused({"artifacts", "download", p.run, "-o", to}, 1);
    CHECK_THAT(said, Catch::Contains(p.object.string()));
    CHECK_THAT(said, Catch::Contains("artifact 'out' of workflow 'make' of run '" + p.run + "'"));
    CHECK_THAT(said, Catch::Contains("again makes it anew"));
    // What is whole is there, and nothing else: no draft either.
    CHECK(fs::exists(to + "/out/other"));
    CHECK(std::distance(fs::directory_iterator(to + "/out"), fs::directory_iterator()) == 1);
    p.box.refused({"artifacts", "cat", p.run, "out/file"}, 1);
    p.save_again();
    CHECK(p.box.ok({"artifacts", "cat", p.run, "out/file"}) == p.content);
    p.box.ok({"artifacts", "download", p.run, "-o", to});
    REQUIRE(remove_tree(to));
  }
}

TEST_CASE("a file that is printed while it turns out to be damaged ends with an error") {
  const Project p(3'000'000, "private");
  harm(Harm::flip, p.object);
  CHECK_THAT(p.box.refused({"artifacts", "cat", p.run, "out/file"}, 1),
             Catch::Contains("has other bytes than were saved"));
}

TEST_CASE("a job whose input is damaged does not start, and says why") {
  const std::string workspace = GENERATE("private", "copy", "project");
  const Project p(GENERATE(std::size_t{9}, std::size_t{6'000'000}), workspace);
  CAPTURE(workspace, p.content.size());
  for (const Harm how : all_harms) {
    CAPTURE(static_cast<int>(how));
    harm(how, p.object);
    REQUIRE(remove_tree(p.box.project() / "out"));
    const auto used = p.box.run({"run", "-q", "use"});
    // What was laid out before is still right where only the object's name has gone.
    if (how == Harm::remove && Sandbox::code(used) == 0) {
      CHECK(workspace == "private");
      CHECK_THAT(used.out, Catch::Contains(sha256(p.content).render()));
      continue;
    }
    CHECK(Sandbox::code(used) == 125);
    CHECK(used.out.empty());
    const Json job = p.box.json({"show", p.box.last_run(), "--json"})["jobs"][0];
    CHECK(job["cause"] == "start");
    CHECK_THAT(job.dump(), Catch::Contains(p.object.string()));
    CHECK_THAT(job.dump(), Catch::Contains("'out/file'"));
    CHECK_THAT(job.dump(), Catch::Contains("of run '" + p.run + "'"));
    p.save_again();
    REQUIRE(remove_tree(p.box.project() / "out"));
    CHECK_THAT(p.box.ok({"run", "-q", "use"}), Catch::Contains(sha256(p.content).render()));
  }
}

TEST_CASE("code that is damaged is not written, and the next run stores it again") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: a, provider: bash, commands: [cat code.txt]}\n");
  box.file("code.txt", "the code");
  box.ok({"run", "-q", "a"});
  const std::string run = box.last_run();
  const std::string hex = sha256("the code").render();
  harm(GENERATE(Harm::flip, Harm::cut, Harm::remove),
       box.home() / "objects" / hex.substr(0, 2) / hex.substr(2));
  const Path to = box.root() / "to";
  const std::string said = box.refused({"code", run, "-o", to.string()}, 1);
  CHECK_THAT(said, Catch::Contains("the code of run '" + run + "'"));
  CHECK_FALSE(fs::exists(to / "code.txt"));
  // Nothing has changed in the project, and what is remembered of it does not count any more.
  CHECK(box.ok({"run", "-q", "a"}) == "the code");
  REQUIRE(remove_tree(to));
  box.ok({"code", run, "-o", to.string()});
}

TEST_CASE("the doctor names what is damaged and who needs it, and repairs what it can") {
  const Project p(9, "private");
  CHECK_THAT(p.box.ok({"doctor", "--store"}), Catch::Contains("all are as they were saved"));
  harm(Harm::flip, p.object);
  const auto checked = p.box.run({"doctor", "--store"});
  CHECK(Sandbox::code(checked) == 1);
  CHECK_THAT(checked.out, Catch::Contains(p.object.string()));
  CHECK_THAT(checked.out,
             Catch::Contains("'out/file' in artifact 'out' of workflow 'make' of run '" + p.run +
                             "' (tagged 'v1')"));
  CHECK(Sandbox::code(p.box.run({"doctor", "--store", "--repair"})) == 1);
  p.save_again();
  p.box.ok({"doctor", "--store", "--repair"});
  REQUIRE(make_folders(p.box.home() / "runs/stray-folder-1"));
  CHECK(Sandbox::code(p.box.run({"doctor", "--store"})) == 1);
  p.box.ok({"doctor", "--store", "--repair"});
  CHECK_FALSE(fs::exists(p.box.home() / "runs/stray-folder-1"));
}

TEST_CASE("a lost database is named by every command, and made anew from the folders of the runs") {
  const Project p(9, "private");
  p.box.ok({"run", "-q", "use"});
  const Path database = p.box.home() / "database.sqlite";
  const std::vector<std::vector<std::string>> questions = {
      {"ps", "-a", "--json"},
      {"show", p.run, "--json"},
      {"tags", "list", "--json"},
      {"artifacts", "list", p.run, "--json"},
      {"artifacts", "cat", "make:v1", "out/file"},
      {"logs", p.run},
  };
  std::vector<std::string> before;
  for (const auto& words : questions)
    before.push_back(p.box.ok(words));
  const std::string how = GENERATE("removed", "emptied", "scribbled");
  CAPTURE(how);
  if (how == "scribbled") {
    REQUIRE(write_file_atomically(database, std::string(8192, '?'), Durable::no));
  } else {
    for (const char* suffix : {"", "-wal", "-shm"})
      fs::remove(database.string() + suffix);
    if (how == "emptied")
      REQUIRE(write_file_atomically(database, "", Durable::no));
  }
  auto commands = questions;
  commands.insert(commands.end(),
                  {{"run", "make"},
                   {"stop", p.run},
                   {"rm", "-y", p.run},
                   {"tags", "add", "v2", p.run},
                   {"code", p.run},
                   {"ps"}});
  for (const auto& words : commands) {
    CAPTURE(words);
    const std::string said = p.box.refused(words, 1);
    CHECK_THAT(said, Catch::Contains(database.string()));
    CHECK_THAT(said, Catch::Contains("dstack doctor --repair"));
  }
  p.box.ok({"doctor", "--repair"});
  for (std::size_t i = 0; i < questions.size(); ++i)
    CHECK(p.box.ok(questions[i]) == before[i]);
  p.save_again();
}

TEST_CASE("a run that lives while the database is lost goes on, and is adopted") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: long
    provider: bash
    artifacts: [out]
    commands: ["echo begun", "until [ -e $GO ]; do sleep 0.05; done", "mkdir out", "echo made > out/file"]
    environment: {GO: )" +
                (box.root() / "go").string() + "}\n");
  const std::string run = box.start({"long"});
  const Path database = box.home() / "database.sqlite";
  // Its supervisor writes it when it has begun.
  dstack::test::wait_until([&] { return fs::exists(box.home() / "runs" / run / "record.json"); });
  for (const char* suffix : {"", "-wal", "-shm"})
    fs::remove(database.string() + suffix);
  box.refused({"ps"}, 1);
  if (GENERATE(true, false)) {
    box.ok({"doctor", "--repair"});
    REQUIRE(write_file_atomically(box.root() / "go", "", Durable::no));
  } else {
    REQUIRE(write_file_atomically(box.root() / "go", "", Durable::no));
    box.ok({"doctor", "--repair"});
  }
  CHECK(box.wait(run)["status"] == "done");
  CHECK(box.ok({"artifacts", "cat", run, "out/file"}) == "made\n");
}
