// Submodules: what of them is code, what is a change, and how they are compared.
#include "dstack/job/code.hpp"
#include "dstack/source/snapshot.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

namespace {

/// A project with the submodule `deps/library`, which brings `deps/library/deep/inner` itself.
struct WithSubmodule : TestProject {
  Path library = folder.path() / "library";
  Path inner = folder.path() / "inner";

  WithSubmodule() {
    for (const Path& each : {inner, library}) {
      fs::create_directories(each);
      git_in(each, {"init", "-q"});
      std::ofstream((each / "lib.py").string()) << "one\n";
    }
    commit_all(inner);
    git_in(library, {"submodule", "--quiet", "add", inner.string(), "deep/inner"});
    commit_all(library);
    git({"init", "-q"});
    write("main.py", "main\n");
    git({"submodule", "--quiet", "add", library.string(), "deps/library"});
    git({"submodule", "--quiet", "update", "--init", "--recursive"});
    commit_all();
  }

  std::string diff(std::vector<std::string>& notes) {
    const Snapshot snapshot = take();
    return value_of(diff_against_commit(root, {snapshot.tree, snapshot.git}, objects, notes));
  }
};

}  // namespace

TEST_CASE("a change inside a submodule makes the code dirty and is in the difference") {
  if (!has_git())
    SKIP("git is not installed");
  WithSubmodule project;
  std::vector<std::string> notes;
  CHECK_FALSE(project.take().git.dirty);
  CHECK(project.diff(notes).empty());

  SECTION("in the submodule") {
    project.write("deps/library/lib.py", "two\n");
    CHECK_THAT(project.diff(notes),
               Catch::Contains("--- a/deps/library/lib.py\n+++ b/deps/library/lib.py\n@@ -1 +1 @@\n"
                               "-one\n+two\n"));
  }
  SECTION("in a submodule of the submodule") {
    project.write("deps/library/deep/inner/lib.py", "two\n");
    CHECK_THAT(project.diff(notes), Catch::Contains("b/deps/library/deep/inner/lib.py\n"));
  }
  SECTION("a new file") {
    project.write("deps/library/new.py", "new\n");
    CHECK_THAT(project.diff(notes), Catch::Contains("+++ b/deps/library/new.py\n"));
  }
  SECTION("a staged one") {
    project.write("deps/library/lib.py", "two\n");
    project.git_in(project.root / "deps/library", {"add", "lib.py"});
    CHECK_THAT(project.diff(notes), Catch::Contains("+two\n"));
  }
  SECTION("a commit that the project does not have yet") {
    project.write("deps/library/lib.py", "two\n");
    project.commit_all(project.root / "deps/library");
    CHECK_THAT(project.diff(notes), Catch::Contains("-one\n+two\n"));
  }
  SECTION("whatever the configuration says of submodules") {
    project.git({"config", "submodule.deps/library.ignore", "all"});
    project.git({"config", "diff.ignoreSubmodules", "all"});
    project.write("deps/library/lib.py", "two\n");
    CHECK_THAT(project.diff(notes), Catch::Contains("+two\n"));
  }
  CHECK(project.take().git.dirty);
  CHECK(notes.empty());
}

TEST_CASE("a submodule that is not checked out is a note, and no difference") {
  if (!has_git())
    SKIP("git is not installed");
  WithSubmodule project;
  const bool folder_is_there = GENERATE(true, false);
  fs::remove_all(project.root / "deps/library");
  if (folder_is_there)  // as in a clone without --recurse-submodules
    fs::create_directories(project.root / "deps/library");

  const Snapshot snapshot = project.take();

  CHECK_FALSE(snapshot.git.dirty);
  CHECK(snapshot.warnings.empty());
  REQUIRE(snapshot.notes.size() == 1);
  CHECK_THAT(snapshot.notes[0],
             Catch::StartsWith("submodule 'deps/library' is not checked out") &&
                 Catch::Contains("git submodule update"));
  std::vector<std::string> notes;
  CHECK(project.diff(notes).empty());
  CHECK(notes == Names{"submodule 'deps/library' was not checked out, so it is not compared"});
}

TEST_CASE("a snapshot with a submodule is compared after the submodule has gone") {
  if (!has_git())
    SKIP("git is not installed");
  WithSubmodule project;
  project.write("deps/library/lib.py", "two\n");
  const Snapshot snapshot = project.take();
  project.git({"submodule", "--quiet", "deinit", "--force", "deps/library"});

  std::vector<std::string> notes;
  const std::string diff = value_of(
      diff_against_commit(project.root, {snapshot.tree, snapshot.git}, project.objects, notes));

  CHECK_THAT(diff, Catch::Contains("-one\n+two\n"));
}

TEST_CASE("a file that became a folder is no submodule") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("place", "file\n");
  project.commit_all();
  fs::remove(project.root / "place");
  project.write("place/inner", "inner\n");

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files == Names{"place/inner"});
  CHECK(snapshot.notes.empty());
}
