#include "dstack/source/git.hpp"

#include "dstack/source/git_list.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

TEST_CASE("what gives access is taken out of a URL") {
  CHECK(without_credentials("https://me:secret@example.com/x.git") == "https://example.com/x.git");
  CHECK(without_credentials("https://token@example.com/x.git") == "https://example.com/x.git");
  CHECK(without_credentials("https://example.com/a@b") == "https://example.com/a@b");
  CHECK(without_credentials("https://me:p@ss@example.com/x") == "https://example.com/x");
  CHECK(without_credentials("https://token@example.com") == "https://example.com");
  CHECK(without_credentials("ssh://git@example.com:22/x") == "ssh://git@example.com:22/x");
  CHECK(without_credentials("ssh://git:secret@example.com/x") == "ssh://git@example.com/x");
  CHECK(without_credentials("git@example.com:me/x.git") == "git@example.com:me/x.git");
  CHECK(without_credentials("/srv/git/x") == "/srv/git/x");
}

TEST_CASE("the remote is the branch's, else origin, else the first") {
  const std::vector<GitSetting> remotes = {{"remote.aside.url", "https://a/x"},
                                           {"remote.origin.url", "https://o/x"},
                                           {"remote.fork.url", "https://me:pw@f/x"}};
  const auto with = [&](const std::string& key, const std::string& value) {
    auto all = remotes;
    all.push_back({key, value});
    return all;
  };

  CHECK(find_remote(with("branch.main.remote", "fork"), "main") == "https://f/x");
  CHECK(find_remote(with("branch.other.remote", "fork"), "main") == "https://o/x");
  CHECK(find_remote({{"remote.aside.url", "https://a/x"}}, "") == "https://a/x");
  CHECK(find_remote({{"remote.with.dots.url", "u"}, {"branch.main.remote", "with.dots"}}, "main") ==
        "u");
  CHECK(find_remote({}, "main").empty());
}

TEST_CASE("the branch, the commit and changes are read from a status") {
  const auto lines = [](std::initializer_list<std::string> all) {
    std::string text;
    for (const std::string& line : all)
      text += line + '\0';
    return text;
  };

  const BranchFacts clean = parse_status(lines({"# branch.oid c0ffee", "# branch.head main"}));
  CHECK(clean.commit == "c0ffee");
  CHECK(clean.branch == "main");
  CHECK_FALSE(clean.has_changes);
  const BranchFacts fresh = parse_status(lines({"# branch.oid (initial)", "# branch.head main"}));
  CHECK(fresh.commit.empty());
  const BranchFacts detached = parse_status(
      lines({"# branch.oid c0ffee", "# branch.head (detached)", "1 .M N... 1 2 3 a b file"}));
  CHECK(detached.branch.empty());
  CHECK(detached.has_changes);
  CHECK_FALSE(detached.is_broken);
  CHECK(parse_status(lines({"# branch.oid (initial)", "# branch.head (unknown)"})).is_broken);
  CHECK_FALSE(parse_status(lines({"# branch.head main", "? new"})).has_changes);
  const std::string oid = "0123456789012345678901234567890123456789";
  CHECK_FALSE(parse_status(lines({"1 .D S... 160000 160000 000000 " + oid + " " + oid + " lib"}))
                  .has_changes);
}

TEST_CASE("several commands run at once and keep their order") {
  process::Command loud;
  loud.argv = {"sh", "-c", "head -c 300000 /dev/zero; echo oops >&2; exit 3"};
  process::Command quiet;
  quiet.argv = {"true"};

  const auto outputs = value_of(run_together({loud, quiet}));

  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0].out.size() == 300'000);
  CHECK(stderr_tail(outputs[0]) == "oops");
  CHECK(process::render(outputs[0].status) == "exit code 3");
  CHECK(process::succeeded(outputs[1].status));
}

TEST_CASE("a program that is not installed is reported as such") {
  process::Command missing;
  missing.argv = {"no-such-program-anywhere"};

  const auto outputs = run_together({missing});

  REQUIRE_FALSE(outputs);
  CHECK(outputs.error().code == ErrorCode::not_found);
}
