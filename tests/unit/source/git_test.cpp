#include "dstack/source/git.hpp"

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
  const auto entry = [](const std::string& key, const std::string& value) {
    return key + "\n" + value + '\0';
  };
  const std::string remotes = entry("remote.aside.url", "https://a/x") +
                              entry("remote.origin.url", "https://o/x") +
                              entry("remote.fork.url", "https://me:pw@f/x");

  CHECK(parse_remote(remotes + entry("branch.main.remote", "fork"), "main") == "https://f/x");
  CHECK(parse_remote(remotes + entry("branch.other.remote", "fork"), "main") == "https://o/x");
  CHECK(parse_remote(entry("remote.aside.url", "https://a/x"), "") == "https://a/x");
  CHECK(parse_remote(entry("remote.with.dots.url", "u") + entry("branch.main.remote", "with.dots"),
                     "main") == "u");
  CHECK(parse_remote("", "main").empty());
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
