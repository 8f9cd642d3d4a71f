#include "dstack/python/version.hpp"

#include "support/catch.hpp"

using namespace dstack::python;

TEST_CASE("a version is one to three numbers") {
  CHECK(parse_version("3") == Version{3});
  CHECK(parse_version("3.10") == Version{3, 10});
  CHECK(parse_version("3.10.13") == Version{3, 10, 13});
  for (const char* text : {"", ".", "3.", "3.x", "3.13t", "3.13.0rc1", "-3.1", "3.1.2.3", " 3"})
    CHECK_FALSE(parse_version(text));
  CHECK(render_version({3, 10, 13}) == "3.10.13");
}

TEST_CASE("versions are ordered by their numbers, not by their text") {
  CHECK(Version{3, 9, 18} < Version{3, 10, 0});
}

TEST_CASE("a version matches what is the beginning of it") {
  CHECK(matches({3, 10, 13}, {3, 10}));
  CHECK(matches({3, 10, 13}, {}));
  CHECK_FALSE(matches({3, 1, 0}, {3, 10}));
  CHECK_FALSE(matches({3}, {3, 10}));
  CHECK(may_match({3}, {3, 10}));
  CHECK_FALSE(may_match({3, 11}, {3, 10}));
}
