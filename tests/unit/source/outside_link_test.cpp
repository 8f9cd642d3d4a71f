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

TEST_CASE("a snapshot knows the links that lead out of the project") {
  const bool with_git = GENERATE(true, false);
  if (with_git && !has_git())
    SKIP("git is not installed");
  TestProject project;
  fs::create_directories(project.folder.path() / "common");
  project.write("lib/code", "c");
  fs::create_symlink("../common", project.root / "common");
  fs::create_symlink("/data", project.root / "data");
  fs::create_symlink("lib", project.root / "inside");
  if (with_git) {
    project.git({"init", "-q"});
    project.commit_all();
  }
  const std::vector<OutsideLink> expected = {{"common", "../common"}, {"data", "/data"}};

  const Snapshot snapshot = project.take();
  CHECK(snapshot.outside_links == expected);
  CHECK(outside_links(snapshot.tree, project.objects) == expected);
}

TEST_CASE("a link out of the project is a warning, unless jobs find what it leads to") {
  const std::vector<OutsideLink> links = {{"common", "../common"}, {"data/big", "/big"}};

  const LinkMessages all = describe_outside_links(links, {});
  REQUIRE(all.warnings.size() == 1);
  CHECK_THAT(all.warnings[0],
             Catch::Contains("'common -> ../common'") && Catch::Contains("leads nowhere"));
  // One that leads to the same place everywhere may be meant so.
  REQUIRE(all.notes.size() == 1);
  CHECK_THAT(all.notes[0], Catch::Contains("'data/big -> /big'"));

  const LinkMessages none = describe_outside_links(links, {"common", "data"});
  CHECK(none.warnings.empty());
  CHECK(none.notes.empty());
  CHECK(describe_outside_links(links, {"comm", "data/big/x"}).warnings.size() == 1);
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
