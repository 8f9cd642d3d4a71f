#include "dstack/source/ignore.hpp"

#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

namespace {

struct Case {
  const char* rules;
  const char* path;
  bool is_ignored;
};

// Each of these was tried with `git check-ignore` (see the last test).
constexpr Case cases[] = {
    {"*.log", "a.log", true},
    {"*.log", "deep/a.log", true},
    {"*.log", "a.logs", false},
    {"build", "build/x", true},
    {"build", "src/build/x", true},
    {"build/", "build", false},
    {"build/", "build/x", true},
    {"/build", "build/x", true},
    {"/build", "src/build/x", false},
    {"src/build", "src/build/x", true},
    {"src/build", "a/src/build/x", false},
    {"src/*.c", "src/a.c", true},
    {"src/*.c", "src/b/a.c", false},
    {"**/cache", "cache/x", true},
    {"**/cache", "a/b/cache", true},
    {"logs/**", "logs/a/b", true},
    {"logs/**", "logs", false},
    {"a/**/z", "a/z", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "b/a/z", false},
    {"a/*/z", "a/b/c/z", false},
    {"# comment", "# comment", false},
    {"\\# name", "# name", true},
    {"\\!name", "!name", true},
    {"name ", "name", true},
    {"name\\ ", "name ", true},
    {"*\n!keep", "keep", false},
    {"*\n!keep", "other", true},
    {"dir/\n!dir/keep", "dir/keep", true},
    {"dir/*\n!dir/keep", "dir/keep", false},
    {"dir/*\n!dir/keep", "dir/other", true},
    {"[ab].txt", "a.txt", true},
    {"[!ab].txt", "a.txt", false},
    {"[a-c]?", "bz", true},
    {"a?c", "a/c", false},
    {"\\*", "x", false},
    {"\\*", "*", true},
    {".*", ".hidden", true},
    {"*", ".hidden", true},
    {"", "x", false},
    {"/", "x", false},
    {"foo/**/", "foo/a/b", true},
    {"foo/**/", "foo/a", false},
    {"a**b", "axxb", true},
    {"a**b", "ax/xb", false},
    {"!x", "x", false},
};

}  // namespace

TEST_CASE("rules mean what they mean in .gitignore") {
  for (const Case& each : cases) {
    IgnoreRules rules;
    rules.add("", each.rules);
    INFO("rules: " << each.rules << "; path: " << each.path);
    CHECK(rules.ignores(each.path) == each.is_ignored);
  }
}

TEST_CASE("Git reads the same rules the same way") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  for (const Case& each : cases) {
    project.write(".gitignore", each.rules);
    process::Command command;
    command.argv = {"git", "check-ignore", "-q", "--no-index", each.path};
    command.working_dir = project.root.string();
    const auto output = value_of(process::run(command));
    INFO("rules: " << each.rules << "; path: " << each.path);
    CHECK(process::succeeded(output.status) == each.is_ignored);
  }
}

TEST_CASE("rules of a folder hold below it and before those above") {
  IgnoreRules rules;
  rules.add("", "*.tmp\n/only-root");
  rules.add("sub", "!keep.tmp\n/here\nother/file");

  CHECK(rules.ignores("keep.tmp"));
  CHECK_FALSE(rules.ignores("sub/keep.tmp"));
  CHECK(rules.ignores("sub/other.tmp"));
  CHECK(rules.ignores("sub/here"));
  CHECK_FALSE(rules.ignores("here"));
  CHECK(rules.ignores("sub/other/file"));
  CHECK_FALSE(rules.ignores("sub/only-root"));
  CHECK_FALSE(rules.ignores("subject/here"));
}

TEST_CASE("lines may end as on Windows and begin with a byte order mark") {
  IgnoreRules rules;
  rules.add("", "\xEF\xBB\xBF*.log\r\nbuild/\r\n");

  CHECK(rules.ignores("a.log"));
  CHECK(rules.ignores("build/x"));
}

TEST_CASE("no rules ignore nothing") {
  IgnoreRules rules;
  rules.add("", "\n\n# nothing\n");

  CHECK(rules.empty());
  CHECK_FALSE(rules.ignores("x"));
}
