#include "dstack/source/outside_link.hpp"

#include "dstack/source/snapshot.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

TEST_CASE("a link leads out of the project by its text") {
  CHECK(leads_out("common", "../common"));
  CHECK(leads_out("a/b", "../../c"));
  CHECK(leads_out("a", "b/../../c"));
  CHECK(leads_out("a", "/etc/passwd"));
  CHECK(leads_out("common", "../project/lib"));  // the workspace has another name
  CHECK_FALSE(leads_out("a", "b"));
  CHECK_FALSE(leads_out("a/b", "../c"));
  CHECK_FALSE(leads_out("a/b", "./../a/./c"));
  CHECK_FALSE(leads_out("a", "b/../c"));
}

TEST_CASE("links out of the project are told at the snapshot") {
  const bool with_git = GENERATE(true, false);
  if (with_git && !has_git())
    SKIP("git is not installed");
  TestProject project;
  fs::create_directories(project.folder.path() / "common");
  project.write("lib/code", "c");
  fs::create_symlink("../common", project.root / "common");
  fs::create_symlink("lib", project.root / "inside");
  if (with_git) {
    project.git({"init", "-q"});
    project.commit_all();
  }

  const Snapshot snapshot = project.take();
  REQUIRE(snapshot.warnings.size() == 1);
  CHECK_THAT(snapshot.warnings[0],
             Catch::Contains("'common -> ../common'") && Catch::Contains("leads nowhere"));
  CHECK(snapshot.notes.empty());
  CHECK(outside_links(snapshot.tree, project.objects) ==
        std::vector<OutsideLink>{{"common", "../common"}});

  // One that leads to the same place everywhere may be meant so.
  fs::remove(project.root / "common");
  fs::create_symlink("/data", project.root / "data");
  const Snapshot absolute = project.take();
  CHECK(absolute.warnings.empty());
  REQUIRE(absolute.notes.size() == 1);
  CHECK_THAT(absolute.notes[0], Catch::Contains("'data -> /data'"));
}

TEST_CASE("what is left out behind a link is explained by the link") {
  TestProject project;
  fs::create_directories(project.folder.path() / "common");
  fs::create_symlink("../common", project.root / "common");
  fs::create_symlink("lib", project.root / "inside");

  CHECK_THAT(explain_left_out(project.root, "common/util.py"),
             Catch::Contains("behind the link 'common'") && Catch::Contains("'../common'"));
  CHECK_THAT(explain_left_out(project.root, "common"), Catch::Contains("is a link that leads out"));
  CHECK_THAT(explain_left_out(project.root, "inside/util.py"), Catch::Contains("Git ignores it"));
}
