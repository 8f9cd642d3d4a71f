// What becomes the code of a run, and what the user is told of it; projects that were moved; where
// the user stands.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Git without the machine's configuration, in the program as well.
class WithGit {
 public:
  explicit WithGit(Sandbox& box) : box_(box) {
    box.set("GIT_CONFIG_GLOBAL=/dev/null");
    box.set("GIT_CONFIG_NOSYSTEM=1");
  }

  static bool is_installed() {
    const char* path = std::getenv("PATH");
    return process::find_program("git", path == nullptr ? "/usr/bin:/bin" : path).has_value();
  }

  void operator()(const Path& folder, std::vector<std::string> arguments) const {
    process::Command command = box_.command({});
    command.argv = {"git",
                    "-c",
                    "user.name=Tester",
                    "-c",
                    "user.email=tester@example.com",
                    "-c",
                    "protocol.file.allow=always"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.working_dir = folder.string();
    const auto output = process::run(command);
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(process::succeeded(output->status));
  }

  void commit_all(const Path& folder) const {
    (*this)(folder, {"add", "-A"});
    (*this)(folder, {"commit", "-q", "-m", "work"});
  }

 private:
  Sandbox& box_;
};

constexpr const char* saving =
    "workflows:\n  - {name: w, provider: bash, artifacts: [o], commands: [\"mkdir o\", \"echo 1 > "
    "o/x\"]}\n";

process::Output run_in(const Sandbox& box,
                       const Path& folder,
                       const std::vector<std::string>& arguments) {
  process::Command command = box.command(arguments);
  command.working_dir = folder.string();
  const auto output = process::run(command);
  REQUIRE(output);
  INFO(output->err);
  return *output;
}

}  // namespace

TEST_CASE("a project that was moved is found again by reading commands") {
  if (!WithGit::is_installed())
    SKIP("git is not installed");
  Sandbox box;
  const WithGit git(box);
  git(box.project(), {"init", "-q"});
  box.workflows(saving);
  git.commit_all(box.project());
  box.ok({"run", "-q", "w", "-t", "best"});
  const std::string name = box.last_run();
  const auto added = process::run(box.command({"secrets", "add", "TOKEN"}), "value");
  REQUIRE((added && process::succeeded(added->status)));
  const Path moved = box.root() / "moved";
  fs::rename(box.project(), moved);
  const auto after = [&](const std::vector<std::string>& arguments) {
    const auto output = run_in(box, moved, arguments);
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(contains(output.err,
                   fmt::format("this project was in '{}' before", box.project().string())));
    CHECK(contains(output.err, "its 1 secret still belongs to the old path"));
    return output.out;
  };

  SECTION("ps") {
    CHECK(contains(after({"ps", "-a"}), name));
  }
  SECTION("tags list") {
    CHECK(contains(after({"tags", "list"}), "best"));
  }
  SECTION("show") {
    CHECK(contains(after({"show"}), name));
  }
  SECTION("artifacts download of a tag") {
    after({"artifacts", "download", "w:best", "-o", (box.root() / "to").string()});
    CHECK(read_file(box.root() / "to/o/x")
              .value_or(read_file(box.root() / "to/w/o/x").value_or("")) == "1\n");
  }
  SECTION("code --diff, which needs the repository where it is now") {
    CHECK(after({"code", "--diff"}).empty());
  }
  SECTION("the completion, which changes nothing") {
    CHECK(contains(run_in(box, moved, {"__complete", "--", "show", ""}).out, name));
    CHECK(contains(after({"ps", "-a"}), name));
  }
  fs::create_directory(box.project());  // for the end of the test
}

TEST_CASE("another project of the repository is not the one that another branch has") {
  if (!WithGit::is_installed())
    SKIP("git is not installed");
  Sandbox box;
  const WithGit git(box);
  const Path repository = box.root() / "repository";
  const auto write = [&](const std::string& folder) {
    REQUIRE(make_folders(repository / folder / ".dstack"));
    REQUIRE(
        write_file_atomically(repository / folder / ".dstack/workflows.yaml", saving, Durable::no));
  };
  REQUIRE(make_folders(repository));
  git(repository, {"init", "-q", "-b", "main"});
  git(repository, {"commit", "-q", "--allow-empty", "-m", "first"});
  git(repository, {"branch", "other"});
  write("a");
  git.commit_all(repository);
  run_in(box, repository / "a", {"run", "-q", "w", "-t", "best"});
  git(repository, {"checkout", "-q", "other"});
  write("b");
  CHECK_FALSE(contains(run_in(box, repository / "b", {"tags", "list"}).out, "best"));
  git(repository, {"checkout", "-q", "main"});
  CHECK(contains(run_in(box, repository / "a", {"tags", "list"}).out, "best"));
  // One that was moved within the repository is found again.
  fs::rename(repository / "a", repository / "c");
  CHECK(contains(run_in(box, repository / "c", {"tags", "list"}).out, "best"));
}

TEST_CASE("a path on the command line is seen from a folder of the project") {
  const Sandbox box;
  box.workflows("workflows: []\n");
  box.file("a/b/t.sh", "echo hi\n");
  box.file("a/b/r.txt", "");
  const auto plan = [&](const std::vector<std::string>& arguments) {
    return run_in(box, box.project() / "a/b", arguments);
  };

  CHECK(contains(plan({"run", "python", "t.sh", "-r", "r.txt", "--dry-run"}).out, "a/b/t.sh"));
  const auto missing = plan({"run", "python", "a/b/t.sh", "--dry-run"});
  CHECK(Sandbox::code(missing) == 2);
  CHECK(contains(missing.err, "there is no file 'a/b/a/b/t.sh'"));
}

TEST_CASE("the home folder is not taken as code without consent") {
  Sandbox box;
  box.set("HOME=" + box.project().string());
  box.file(".ssh/id_rsa", "PRIVATEKEY\n");

  const std::string said = box.refused({"run", "bash", "-c", "true"}, 2);
  CHECK(contains(said, "is your home folder and no Git repository"));
  CHECK(contains(said, "'.ssh'"));
  CHECK(contains(said, "--yes"));
  box.refused({"run", "bash", "-c", "true", "--dry-run"}, 2);
  box.ok({"run", "--yes", "bash", "-c", "true"});
  box.ok({"run", "-q", "bash", "-c", "true", "-y"});
  box.file(".dstackignore", ".ssh/\n");
  CHECK(box.ok({"run", "-q", "bash", "-c", "ls -A"}) == ".dstackignore\n");
}

TEST_CASE("the amount of much code is shown") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.file("small", "x");
  CHECK_FALSE(contains(box.run({"run", "w"}).err, "the code of this run"));
  const Fd large(::open((box.project() / "large").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(::ftruncate(large.get(), 150'000'000) == 0);

  CHECK(contains(box.run({"run", "w"}).err, "note: the code of this run is 3 files, 150.0 MB\n"));
  CHECK(contains(box.run({"run", "w", "--dry-run"}).err,
                 "note: the code of this run is 3 files, 150.0 MB\n"));
}

TEST_CASE("a job that lacks what is behind a link out of the project names the link") {
  const Sandbox box;
  REQUIRE(make_folders(box.root() / "common"));
  REQUIRE(write_file_atomically(box.root() / "common/util.py", "V = 1\n", Durable::no));
  REQUIRE(write_file_atomically(box.root() / "common/data.csv", "1\n", Durable::no));
  fs::create_symlink("../common", box.project() / "common");
  box.file("t.py", "from common.util import V\n");
  fs::create_symlink("t.py", box.project() / "inside.py");
  box.workflows(
      "workflows:\n"
      "  - {name: read, provider: bash, commands: [\"cat common/data.csv\"]}\n"
      "  - {name: import, provider: bash, commands: [\"echo \\\"ModuleNotFoundError: No module "
      "named 'common.util'\\\" >&2; exit 1\"]}\n"
      "  - {name: file, provider: python, file: common/util.py}\n"
      "  - {name: inside, provider: python, file: inside.py}\n");

  const auto read = box.run({"run", "read"});
  CHECK(contains(read.err, "warning: a link leads out of the project: 'common -> ../common'"));
  CHECK(contains(read.err, "'common/data.csv' is behind the link 'common', which leads out"));
  CHECK(contains(box.run({"run", "import"}).err, "'common' is a link that leads out of the"));
  const std::string file = box.refused({"run", "file", "--dry-run"}, 2);
  CHECK(contains(file, "'common/util.py' is behind the link 'common'"));
  // An input in the place of the link is what jobs find there.
  const auto covered = box.run({"run", "read", "--input", "common"});
  CHECK(covered.out == "1\n");
  CHECK_FALSE(contains(covered.err, "leads out"));
  CHECK_FALSE(contains(file, "Git ignores it"));
  // One inside the project leads to the same file in the job.
  box.ok({"run", "inside", "--dry-run"});
}

TEST_CASE("a submodule that was not checked out is a note of the run and of its difference") {
  if (!WithGit::is_installed())
    SKIP("git is not installed");
  Sandbox box;
  const WithGit git(box);
  const Path library = box.root() / "library";
  REQUIRE(make_folders(library));
  git(library, {"init", "-q"});
  REQUIRE(write_file_atomically(library / "lib.py", "1\n", Durable::no));
  git.commit_all(library);
  git(box.project(), {"init", "-q"});
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  git(box.project(), {"submodule", "--quiet", "add", library.string(), "vendor/lib"});
  git.commit_all(box.project());
  git(box.project(), {"submodule", "--quiet", "deinit", "-f", "vendor/lib"});

  CHECK(contains(box.run({"run", "w"}).err, "note: submodule 'vendor/lib' is not checked out"));
  const auto diff = box.run({"code", "--diff"});
  CHECK(diff.out.empty());
  CHECK(contains(diff.err, "note: submodule 'vendor/lib' was not checked out"));
}

TEST_CASE("an output folder is where its path leads, also through folders that do not exist") {
  const Sandbox box;
  box.file("x", "from the project");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, artifacts: [o], commands: [mkdir o; echo new > "
      "o/f]}\n");
  box.ok({"run", "w"});
  const Path mine = box.project() / "mine";
  box.file("mine/x", "my own");
  box.file("mine/o/f", "my own");
  for (const std::string output : {"new/../mine", "mine/new/..", "mine/."}) {
    INFO(output);
    CHECK(box.refused({"code", "-o", output}, 1).find("is not empty") != std::string::npos);
    CHECK(
        box.refused({"artifacts", "download", box.last_run(), "-o", output}, 1).find("'--force'") !=
        std::string::npos);
  }
  CHECK(read_file(mine / "x").value_or("") == "my own");
  CHECK(read_file(mine / "o/f").value_or("") == "my own");
  CHECK_FALSE(fs::exists(box.project() / "new"));
  CHECK_FALSE(fs::exists(mine / "new"));

  box.ok({"artifacts", "download", box.last_run(), "-o", ".."});
  CHECK(read_file(box.project().parent_path() / "o/f").value_or("") == "new\n");
  box.ok({"artifacts", "download", box.last_run(), "-o", "."});
  CHECK(read_file(box.project() / "o/f").value_or("") == "new\n");
}

TEST_CASE("where the code begins above the project, paths are seen from where the user stands") {
  Sandbox box;
  box.file("app/src/train.py", "print('trained')\n");
  box.file("common/tool.py", "print('tool')\n");
  box.file("app/.env", "A=1\n");
  box.file("app/src/other.env", "A=2\n");
  box.file("app/.dstack/workflows.yaml",
           "root: ..\nworkflows:\n  - {name: w, provider: bash, commands: [echo $A]}\n");
  const auto run_in = [&](const Path& folder, std::vector<std::string> arguments) {
    process::Command command = box.command(arguments);
    command.working_dir = (box.project() / folder).string();
    const auto output = process::run(command);
    REQUIRE(output);
    INFO(output->err);
    CHECK(process::succeeded(output->status));
    return output->out;
  };
  CHECK(run_in("app", {"run", "src/train.py"}) == "trained\n");
  CHECK(run_in("app/src", {"run", "train.py"}) == "trained\n");
  CHECK(run_in("app", {"run", "../common/tool.py"}) == "tool\n");
  CHECK(run_in("app/src", {"run", "python", "train.py"}) == "trained\n");
  CHECK(run_in("app/src", {"run", "python", "../../common/tool.py"}) == "tool\n");
  CHECK(run_in("app/src", {"run", "w", "--env-file", "../.env"}) == "1\n");
  CHECK(run_in("app/src", {"run", "w", "--env-file", "other.env"}) == "2\n");
}

TEST_CASE("a repository below the root of the code is noted: nothing of it is recorded") {
  if (!WithGit::is_installed())
    SKIP("git is not installed");
  Sandbox box;
  const WithGit git(box);
  box.file("app/.dstack/workflows.yaml",
           "root: ..\nworkflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  const std::string project = (box.project() / "app").string();
  const std::vector<std::string> run = {"--project", project, "run", "w"};
  CHECK_FALSE(contains(box.run(run).err, "not recorded"));
  git(box.project() / "app", {"init", "-q"});
  CHECK(contains(box.run(run).err,
                 "which is not in that repository: commit and changes of the repository '" +
                     project + "' are not recorded"));
  git(box.project(), {"init", "-q"});
  CHECK(contains(box.run(run).err, "which is another repository: "));
}
