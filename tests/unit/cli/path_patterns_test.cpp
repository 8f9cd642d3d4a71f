#include "support/catch.hpp"
#include "views/artifact_files.hpp"

using namespace dstack;
using namespace dstack::cli;
using source::PathType;

namespace {

bool takes(const std::string& pattern, const std::string& path, PathType type = PathType::file) {
  return PathPatterns({pattern}).takes(path, type);
}

}  // namespace

TEST_CASE("a pattern without a slash is about names, one with a slash about the path") {
  CHECK(takes("*.csv", "a.csv"));
  CHECK(takes("*.csv", "deep/er/a.csv"));
  CHECK(takes("er", "deep/er/a.csv"));
  CHECK_FALSE(takes("*.csv", "a.csv.gz"));
  CHECK(takes("deep/*.csv", "deep/a.csv"));
  CHECK_FALSE(takes("deep/*.csv", "deep/er/a.csv"));
  CHECK_FALSE(takes("er/a.csv", "deep/er/a.csv"));
  CHECK(takes("/a.csv", "a.csv"));
  CHECK_FALSE(takes("/a.csv", "deep/a.csv"));
  CHECK(takes("**/er/*.csv", "deep/er/a.csv"));
  CHECK(takes("deep/**", "deep/er/a.csv"));
}

TEST_CASE("a folder has all that is below it") {
  for (const char* folder : {"deep", "deep/", "./deep", "deep//er", "d*"})
    CHECK(takes(folder, "deep/er/a.csv"));
  CHECK(takes("deep", "deep", PathType::folder));
  CHECK(takes("deep/", "deep", PathType::folder));
  CHECK_FALSE(takes("deep", "deeper/a"));
  CHECK(takes(".", "any/thing"));
  CHECK_FALSE(takes("", "any/thing"));
  CHECK_FALSE(takes("../x", "x"));
}

TEST_CASE("a path is a pattern, whatever it consists of") {
  for (const char* path : {"a[1].csv",
                           "a*b",
                           "what?",
                           "back\\slash",
                           "#number",
                           "end ",
                           "two  ",
                           "line\nend",
                           "-dash",
                           "[",
                           "a/!b"})
    CHECK(takes(path, path));
  CHECK(takes("./!not", "!not"));
  CHECK(takes("!", "!"));
  CHECK_FALSE(takes("#number", "other"));
  CHECK_FALSE(takes("e* ", "end"));
}

TEST_CASE("patterns that took nothing are known") {
  PathPatterns patterns({"*.csv", "*.txt", "model"});
  CHECK(patterns.takes("a.csv", PathType::file));
  CHECK_FALSE(patterns.takes("b.bin", PathType::file));
  CHECK(patterns.unused() == std::vector<std::string>{"*.txt", "model"});
  CHECK(PathPatterns({}).takes("b.bin", PathType::file));
  CHECK(PathPatterns({}).unused().empty());
}

TEST_CASE("a pattern with an exclamation mark leaves out what others take, in any order") {
  for (const auto& texts : {std::vector<std::string>{"data", "!*.csv"}, {"!*.csv", "data"}}) {
    PathPatterns patterns(texts);
    CHECK(patterns.takes("data/a.txt", PathType::file));
    CHECK_FALSE(patterns.takes("data/a.csv", PathType::file));
    CHECK_FALSE(patterns.takes("b.txt", PathType::file));
    CHECK(patterns.unused().empty());
  }
  PathPatterns alone({"!data/deep"});
  CHECK(alone.takes("b.txt", PathType::file));
  CHECK_FALSE(alone.takes("data/deep/er", PathType::file));
}

TEST_CASE("a pattern may be meant from the project's folder in its code") {
  PathPatterns patterns({"model/*.pt", "app/log"}, "app");
  CHECK(patterns.takes("app/model/a.pt", PathType::file));
  CHECK(patterns.takes("app/log", PathType::file));
  CHECK(patterns.takes("model/a.pt", PathType::file));
  CHECK_FALSE(patterns.takes("lib/model/a.pt", PathType::file));
}
