#include "dstack/job/code.hpp"
#include "dstack/source/snapshot.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

namespace {

std::string diff_of(TestProject& project, const Snapshot& snapshot) {
  std::vector<std::string> notes;
  const std::string diff = value_of(diff_against_commit(
      project.root, {.snapshot = snapshot.tree, .git = snapshot.git}, project.objects, notes));
  CHECK(notes.empty());
  return diff;
}

}  // namespace

TEST_CASE("the difference turns the commit into the snapshot") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write(".gitignore", "ignored\n");
  project.write("modified", "one\n");
  project.write("deleted", "gone\n");
  project.write("binary", std::string("\0\1\2old", 6));
  project.write("script", "#!/bin/sh\n");
  project.write("same", "same\n");
  project.commit_all();
  project.write("modified", "two\n");
  fs::remove(project.root / "deleted");
  project.write("binary", std::string("\0\1\2new", 6));
  project.write("new/file", "new\n");
  project.write("ignored", "never");
  ::chmod((project.root / "script").c_str(), 0755);
  fs::create_symlink("same", project.root / "link");
  const Snapshot snapshot = project.take();
  project.write("modified", "later\n");  // the folder has moved on since

  const std::string diff = diff_of(project, snapshot);

  CHECK_THAT(diff, Catch::Contains("--- a/modified\n+++ b/modified\n@@ -1 +1 @@\n-one\n+two\n"));
  CHECK_THAT(diff, Catch::Contains("GIT binary patch"));
  const Path clone = project.folder.path() / "clone";
  project.git({"clone", "-q", ".", clone.string()});
  std::ofstream((project.folder.path() / "patch").string(), std::ios::binary) << diff;
  project.git_in(clone, {"apply", (project.folder.path() / "patch").string()});
  fs::remove_all(clone / ".git");
  const Snapshot applied = value_of(take_snapshot(clone, project.objects, {}));
  CHECK(applied.tree.tree == snapshot.tree.tree);
}

TEST_CASE("no change is no difference") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "x\n");
  project.commit_all();

  CHECK(diff_of(project, project.take()).empty());
}

TEST_CASE("before the first commit everything is new") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "x\n");

  CHECK_THAT(diff_of(project, project.take()), Catch::Contains("new file mode 100644"));
}

TEST_CASE("the paths of a difference begin at the project") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("outside", "o\n");
  project.write("sub/file", "1\n");
  project.commit_all();
  project.write("sub/file", "2\n");
  project.git({"config", "diff.noprefix", "true"});
  project.root /= "sub";

  const std::string diff = diff_of(project, project.take());

  CHECK_THAT(diff, Catch::StartsWith("diff --git a/file b/file\n"));
  CHECK_THAT(diff, !Catch::Contains("outside"));
}

TEST_CASE("to see a difference writes nothing into the repository") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "1\n");
  project.commit_all();
  project.write("file", "2\n");
  project.write("new", "unique content of a new file\n");
  const Snapshot snapshot = project.take();
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(project.root / ".git"))
      all.push_back(entry.path().string() + std::to_string(fs::last_write_time(entry.path())));
    return all;
  };
  const auto before = names();

  CHECK_FALSE(diff_of(project, snapshot).empty());

  CHECK(names() == before);
}

TEST_CASE("a difference needs the repository and the commit") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.write("file", "1\n");
  const Snapshot snapshot = project.take();
  std::vector<std::string> notes;
  const auto without =
      diff_against_commit(project.root, {snapshot.tree, {}}, project.objects, notes);
  REQUIRE_FALSE(without);
  CHECK(without.error().code == ErrorCode::not_found);

  project.git({"init", "-q"});
  job::GitFacts git;
  git.commit = std::string(40, 'a');
  const auto unknown =
      diff_against_commit(project.root, {snapshot.tree, git}, project.objects, notes);
  REQUIRE_FALSE(unknown);
  CHECK_THAT(unknown.error().message, Catch::Contains("has no commit aaaa"));
}

TEST_CASE("what never becomes code is no difference, though Git tracks it") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write(".dstackignore", "/docs\n");
  project.write("docs/page[1]", "d\n");
  project.write("env/pyvenv.cfg", "home\n");
  project.write("env/lib/site.py", "s\n");
  project.write("code", "c\n");
  project.commit_all();
  const Snapshot clean = project.take();
  CHECK_FALSE(clean.git.dirty);
  CHECK(diff_of(project, clean).empty());

  project.write("code", "other\n");
  fs::remove(project.root / ".dstackignore");
  project.write("docs/page[1]", "changed\n");
  const std::string diff = diff_of(project, project.take());
  CHECK_THAT(diff, Catch::Contains("+other\n") && Catch::Contains("+changed\n"));
  CHECK_THAT(diff, !Catch::Contains("env/"));
}
