#include "dstack/base/git_name.hpp"

#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("a repository of Git is known by every name that a file system takes for it") {
  for (const char* name : {".git",
                           ".GIT",
                           ".Git",
                           ".git ",
                           ".git.",
                           ".git. .",
                           ".git::$INDEX_ALLOCATION",
                           ".git\\hooks",
                           "git~1",
                           "GIT~1",
                           "git~1 ",
                           ".g\xe2\x80\x8cit",
                           "\xef\xbb\xbf.git",
                           ".gi\xe2\x81\xaat"}) {
    INFO(name);
    CHECK(is_git_name(name));
  }
  for (const char* name : {"",
                           ".",
                           "..",
                           "git",
                           ".gi",
                           ".gitignore",
                           ".github",
                           ".git-rewrite",
                           ".git.old",
                           "x.git",
                           "git~2",
                           "git~10",
                           ".g\xc3\xaft",
                           "\xe2\x80"}) {
    INFO(name);
    CHECK_FALSE(is_git_name(name));
  }
}

TEST_CASE("the part of a path that is a repository of Git") {
  CHECK(git_part(".git") == ".git");
  CHECK(git_part("a/.GIT/hooks/pre-commit") == "a/.GIT");
  CHECK(git_part("a/b/git~1") == "a/b/git~1");
  CHECK(git_part("").empty());
  CHECK(git_part("a/.gitignore").empty());
  CHECK(git_part("a.git/b").empty());
}
