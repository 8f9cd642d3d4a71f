#include "dstack/python/convention.hpp"

#include "support/catch.hpp"

using namespace dstack::python;
using Kind = VersionFileEntry::Kind;

TEST_CASE("a .python-version is read as pyenv and uv write it") {
  const auto entry = [](std::string_view text) {
    const auto found = read_version_file(text);
    REQUIRE(found);
    return *found;
  };
  for (const char* text : {"3.11\n",
                           "3.11",
                           "\n  3.11  # ours\n3.9\n",
                           "# a comment\r\n3.11\r\n",
                           "cpython-3.11\n",
                           "CPython@3.11\n",
                           "python3.11\n",
                           "cpython-3.11-linux-x86_64-gnu\n",
                           "3.11/envs/work\n",
                           "3.11 3.10\n",
                           "3.11.x\n",
                           "3.11.*\n",
                           "\xEF\xBB\xBF"
                           "3.11\n"}) {
    INFO(text);
    CHECK(entry(text).kind == Kind::version);
    CHECK(entry(text).version == "3.11");
  }
  using namespace std::string_view_literals;
  CHECK(entry("\xFF\xFE"
              "3\0.\0001\0002\0\r\0\n\0"sv)
            .version == "3.12");  // as PowerShell writes
  CHECK(entry("3.11.4\n").version == "3.11.4");
  CHECK(entry("# first\n  3.11\n").line == 2);
  CHECK(entry("# first\n  3.11\n").column == 3);
  for (const char* text : {"pypy3.10-7.3.12\n", "pypy@3.10", "graalpy-24.0.0"}) {
    INFO(text);
    CHECK(entry(text).kind == Kind::implementation);
  }
  for (const char* text : {"system\n", "my-project", "miniconda3-4.7.12", "3.13t", "3.12.0rc1"}) {
    INFO(text);
    CHECK(entry(text).kind == Kind::unknown);
  }
  CHECK(entry(">=3.10, <3.12\n").kind == Kind::range);
  CHECK(entry(">=3.10, <3.12\n").version == ">=3.10, <3.12");
  CHECK(!read_version_file("# nothing\n\n"));
}

TEST_CASE("the specifiers of requires-python allow what PEP 440 says") {
  const auto allows = [](std::string_view specifiers, const Version& version) {
    const auto range = VersionRange::parse(specifiers);
    REQUIRE(range);
    return range->allows(version);
  };
  CHECK(allows(">=3.9", {3, 9, 0}));
  CHECK(!allows(">=3.9", {3, 8, 18}));
  CHECK(allows(">=3.9,<3.12", {3, 11, 9}));
  CHECK(!allows(">=3.9 , <3.12,", {3, 12, 0}));
  CHECK(allows("==3.11.*", {3, 11, 4}));
  CHECK(!allows("==3.11.*", {3, 1, 4}));
  CHECK(!allows("==3.11", {3, 11, 4}));
  CHECK(allows("==3.11", {3, 11, 0}));
  CHECK(!allows("!=3.11.*", {3, 11, 4}));
  CHECK(allows("!=3.11.3", {3, 11, 4}));
  CHECK(allows("~=3.10", {3, 13, 1}));
  CHECK(!allows("~=3.10", {4, 0, 0}));
  CHECK(allows("~=3.10.2", {3, 10, 9}));
  CHECK(!allows("~=3.10.2", {3, 11, 0}));
  CHECK(allows(">3.11", {3, 11, 1}));
  CHECK(!allows("<=3.11", {3, 11, 1}));
  CHECK(allows(">=3.8.0rc1", {3, 8, 0}));
  CHECK(allows("", {3, 6, 0}));
  for (const char* wrong : {"^3.9", "3.9", ">=three", "~=3", ">=3.*", ">=3.11;<3.13", ">=3.9 <4"}) {
    INFO(wrong);
    CHECK(!VersionRange::parse(wrong));
  }
  CHECK(VersionRange::parse(">=3.9.2,<4,!=3.10.1")->least() == Version{3, 9});
  CHECK(!VersionRange::parse("<3.9")->least());
}
