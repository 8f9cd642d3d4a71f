// Tags and projects.
#include "dstack/job/code.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "unit/store/fixture.hpp"

using namespace dstack;
using namespace dstack::store;

TEST_CASE("a tag names a workflow's run within its project") {
  const TestHome test;
  Records records = test.open();
  const RunId one = value_of(records.create_run(new_run("a-a-1", "/one")));
  const RunId two = value_of(records.create_run(new_run("b-b-1", "/two")));

  require_ok(records.add_tags("/one", "latest", {"download", "train"}, one, Records::Force::no));
  require_ok(records.add_tags("/two", "latest", {"train"}, two, Records::Force::no));

  CHECK(value_of(records.find_tag("/one", "train", "latest"))->run == "a-a-1");
  CHECK(value_of(records.find_tag("/two", "train", "latest"))->run == "b-b-1");
  CHECK_FALSE(value_of(records.find_tag("/two", "download", "latest")));
  const auto tags = value_of(records.tags("/one"));
  REQUIRE(tags.size() == 2);
  CHECK(tags[0].workflow == "download");
  CHECK(tags[1].tag == "latest");
  const auto runs = value_of(records.find_runs({.project = "/one"}));
  CHECK(runs[0].workflows[0].tags == std::vector<std::string>{"latest"});
}

TEST_CASE("a used tag is refused for all workflows at once, and moved with force") {
  const TestHome test;
  Records records = test.open();
  const RunId one = value_of(records.create_run(new_run("a-a-1")));
  const RunId two = value_of(records.create_run(new_run("a-a-2")));
  require_ok(records.add_tags("/project", "latest", {"train"}, one, Records::Force::no));

  const auto refused =
      records.add_tags("/project", "latest", {"download", "train"}, two, Records::Force::no);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::conflict);
  CHECK(refused.error().message ==
        "the tag 'latest' of workflow 'train' is in use: it names run 'a-a-1'");
  CHECK_FALSE(value_of(records.find_tag("/project", "download", "latest")));
  CHECK(
      failure_of(records.add_tags("/project", "latest", {"train"}, one, Records::Force::no)).code ==
      ErrorCode::conflict);

  require_ok(
      records.add_tags("/project", "latest", {"download", "train"}, two, Records::Force::yes));
  CHECK(value_of(records.find_tag("/project", "train", "latest"))->run == "a-a-2");
}

TEST_CASE("tags are given to runs of the project alone and removed once") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("a-a-1", "/one")));

  const auto elsewhere = records.add_tags("/two", "latest", {"train"}, run, Records::Force::no);
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().code == ErrorCode::not_found);

  require_ok(records.add_tags("/one", "latest", {"train"}, run, Records::Force::no));
  require_ok(records.delete_tag("/one", "train", "latest"));
  const auto gone = records.delete_tag("/one", "train", "latest");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ErrorCode::not_found);
}

TEST_CASE("a project that was moved keeps its runs and tags") {
  const TestHome test;
  Records records = test.open();
  const TemporaryFolder folder = make_test_folder();
  const std::string before = (folder.path() / "before").string();
  const std::string after = (folder.path() / "after").string();
  const job::GitFacts git{.remote = "https://example.com/x", .root_commit = "abc"};
  NewRun run = new_run("a-a-1", before);
  run.code.git = git;
  const RunId id = value_of(records.create_run(run));
  require_ok(records.add_tags(before, "latest", {"train"}, id, Records::Force::no));

  SECTION("when nothing stands at the old path") {
    value_of(records.adopt_project(after, git));
    CHECK(value_of(records.last_run(after))->project == after);
    CHECK(value_of(records.find_tag(after, "train", "latest")));
    CHECK_FALSE(value_of(records.last_run(before)));
  }
  SECTION("but not a second clone of it") {
    fs::create_directory(before);
    value_of(records.adopt_project(after, git));
    CHECK_FALSE(value_of(records.last_run(after)));
  }
  SECTION("but not one with another remote, another history or none") {
    value_of(records.adopt_project(after, {.remote = "elsewhere", .root_commit = "abc"}));
    value_of(
        records.adopt_project(after, {.remote = "https://example.com/x", .root_commit = "other"}));
    value_of(records.adopt_project(after, {.remote = "https://example.com/x"}));
    CHECK_FALSE(value_of(records.last_run(after)));
  }
  SECTION("which is told without writing first") {
    CHECK(value_of(records.may_have_moved(after)));
    CHECK(value_of(records.find_moved_project(after, git)) == before);
    CHECK(value_of(records.last_run(before)));
    CHECK(value_of(records.adopt_project(after, git)) == before);
    CHECK_FALSE(value_of(records.may_have_moved(after)));
    CHECK_FALSE(value_of(records.adopt_project(after, git)));
  }
  SECTION("and Git need not be asked where no project has gone") {
    fs::create_directory(before);
    CHECK_FALSE(value_of(records.may_have_moved(after)));
  }
  SECTION("but not over runs that the new path has") {
    value_of(records.create_run(new_run("b-b-1", after)));
    value_of(records.adopt_project(after, git));
    CHECK(value_of(records.find_runs({.project = after})).size() == 1);
  }
}

TEST_CASE("projects of one repository that was moved are told apart") {
  const TestHome test;
  Records records = test.open();
  const TemporaryFolder folder = make_test_folder();
  const std::string old_top = (folder.path() / "old").string();
  const std::string new_top = (folder.path() / "new").string();
  const job::GitFacts git{.remote = "https://example.com/x", .root_commit = "abc"};
  int number = 0;
  for (const std::string& project : {old_top + "/a", old_top + "/b", old_top}) {
    NewRun run = new_run(fmt::format("a-a-{}", ++number), project);
    run.code.git = git;
    value_of(records.create_run(run));
  }

  CHECK(value_of(records.find_moved_project(new_top + "/a", git, "a/")) == old_top + "/a");
  CHECK(value_of(records.find_moved_project(new_top + "/b", git, "b/")) == old_top + "/b");
  CHECK(value_of(records.find_moved_project(new_top, git)) == old_top);
  // A project that was never run is none of them.
  CHECK_FALSE(value_of(records.find_moved_project(new_top + "/c", git, "c/")));
  // Within the repository it may have been anywhere.
  CHECK(value_of(records.find_moved_project(old_top + "/d", git, "d/")));
}
