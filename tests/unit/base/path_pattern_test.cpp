#include "dstack/base/path_pattern.hpp"

#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("a star, a question mark and brackets match within one name") {
  CHECK(PathPattern("*.csv").matches("a.csv"));
  CHECK(PathPattern("*.csv").matches(".hidden.csv"));
  CHECK_FALSE(PathPattern("*.csv").matches("out/a.csv"));
  CHECK_FALSE(PathPattern("*.csv").matches("a.csv.gz"));
  CHECK(PathPattern("out/run-?/[a-c].pt").matches("out/run-1/b.pt"));
  CHECK_FALSE(PathPattern("out/run-?/[a-c].pt").matches("out/run-12/b.pt"));
  CHECK_FALSE(PathPattern("out/run-?/[a-c].pt").matches("out/run-1/d.pt"));
}

TEST_CASE("two stars match any number of folders, also none") {
  for (const char* path : {"out/a.pt", "out/x/a.pt", "out/x/y/a.pt"}) {
    CHECK(PathPattern("out/**/*.pt").matches(path));
    CHECK(PathPattern("out/**/**/a.pt").matches(path));
    CHECK(PathPattern("**/a.pt").matches(path));
    CHECK(PathPattern("out/**").matches(path));
  }
  CHECK_FALSE(PathPattern("out/**/*.pt").matches("other/a.pt"));
  CHECK_FALSE(PathPattern("out/**/*.pt").matches("out/a.csv"));
  CHECK_FALSE(PathPattern("out/**").matches("out"));
  CHECK(PathPattern("a/**/b/**/c").matches("a/b/x/b/y/c"));
  CHECK_FALSE(PathPattern("a/**/b/**/c").matches("a/x/c"));
}

TEST_CASE("a path matches itself, whatever characters it has") {
  CHECK(PathPattern("model").matches("model"));
  CHECK(PathPattern("a[1].csv").matches("a[1].csv"));
  CHECK(PathPattern("a[1].csv").matches("a1.csv"));
  CHECK_FALSE(PathPattern("model").matches("model/x"));
  CHECK_FALSE(is_pattern("a{b}~"));
}

TEST_CASE("what is below a match is covered") {
  CHECK(PathPattern("model").covers("model/best/weights"));
  CHECK_FALSE(PathPattern("model").covers("models/x"));
  CHECK(PathPattern("run-*").covers("run-1/log/x"));
  CHECK(PathPattern("out/**/*.zarr").covers("out/a/b.zarr/0/1"));
  CHECK_FALSE(PathPattern("out/*.csv").covers("out/sub/a.csv"));
  CHECK(is_covered("b/c", make_patterns({"a", "b*"})));
  CHECK_FALSE(is_covered("c", make_patterns({"a", "b*"})));
}

TEST_CASE("only folders that may hold a match are worth a look") {
  const PathPattern pattern("out/*/best/*.pt");
  for (const char* folder : {"out", "out/run-1", "out/run-1/best"})
    CHECK(pattern.may_match_below(folder));
  for (const char* folder : {"data", "out/run-1/worst", "out/run-1/best/deeper"})
    CHECK_FALSE(pattern.may_match_below(folder));
  CHECK(PathPattern("**/*.pt").may_match_below("anything/at/all"));
  CHECK_FALSE(PathPattern("*.csv").may_match_below("data"));
}

TEST_CASE("the fixed part of a pattern ends before its first special name") {
  CHECK(PathPattern("out/best/**/*.pt").fixed_part() == "out/best");
  CHECK(PathPattern("*.csv").fixed_part().empty());
  CHECK(PathPattern("o?t/best/x").fixed_part().empty());
}

TEST_CASE("a pattern of stars alone matches everything") {
  for (const char* pattern : {"*", "**", "**/*", "***"})
    CHECK(PathPattern(pattern).matches_all());
  for (const char* pattern : {"out/*", "*.csv", "**/x", "model"})
    CHECK_FALSE(PathPattern(pattern).matches_all());
}

TEST_CASE("a bracket that is not closed is found in any name") {
  for (const char* path : {"[", "a[z", "[!]", "a/[b/c]", "[]", "[a]["})
    CHECK(has_open_bracket(path));
  for (const char* path : {"a", "a]", "[a]", "[]]", "[!]]", "x/[a-c]*/[!b]", "[[]z"})
    CHECK_FALSE(has_open_bracket(path));
}
