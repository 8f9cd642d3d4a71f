#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

namespace {

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i)
    text += piece;
  return text;
}

/// Ten aliases of ten aliases of …
std::string bomb(int levels) {
  std::string text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i <= levels; ++i) {
    const std::string alias = "*l" + std::to_string(i - 1);
    text += "l" + std::to_string(i) + ": &l" + std::to_string(i) + " [" + alias +
            repeated(", " + alias, 9) + "]\n";
  }
  return text;
}

}  // namespace

TEST_CASE("bad UTF-8 is reported at its first byte") {
  CHECK(failure("a: x\né: \xff\n") == "2:4 invalid UTF-8");
  CHECK(failure("\xC3") == "1:1 invalid UTF-8");
  CHECK(failure("a: \xED\xA0\x80") == "1:4 invalid UTF-8");
  CHECK(failure(std::string("\xFF\xFE"
                            "a\0",
                            4)) == "1:1 invalid UTF-8");
}

TEST_CASE("control characters are refused") {
  CHECK(failure(std::string("a: x\0y", 6)) == "1:5 control characters are not allowed in YAML");
  CHECK(failure("a: \x04\n") == "1:4 control characters are not allowed in YAML");
  CHECK(failure("a: 1\rb: 2") == "1:5 control characters are not allowed in YAML");
}

TEST_CASE("nesting up to 64 is read, 65 is refused") {
  CHECK(failure(repeated("[", 64) + repeated("]", 64)).empty());
  CHECK(failure(repeated("[", 65) + repeated("]", 65)) ==
        "1:65 this is nested deeper than 64 levels");
  CHECK(failure(repeated("- ", 65) + "x") == "1:129 this is nested deeper than 64 levels");
  CHECK(failure(repeated("{a: ", 65) + "1" + repeated("}", 65)) ==
        "1:257 this is nested deeper than 64 levels");
}

TEST_CASE("brackets that are never closed are refused at the same level") {
  CHECK(failure(repeated("[", 1000)) == "1:65 this is nested deeper than 64 levels");
  CHECK(failure(repeated("{a: ", 1000)) == "1:257 this is nested deeper than 64 levels");
}

TEST_CASE("aliases deepen the nesting by what they repeat") {
  const std::string deep = "a: &a " + repeated("[", 60) + repeated("]", 60) + "\n";
  CHECK(failure(deep + "b: [[*a]]\n").empty());
  CHECK(failure(deep + "b: [[[[*a]]]]\n") == "2:8+2 this is nested deeper than 64 levels");
}

TEST_CASE("a file over 2 MiB is refused") {
  const std::string text = "a: " + std::string(2u << 20, 'x');
  CHECK(failure(text) == "1:1 the file is larger than 2 MiB");
  CHECK(failure(text.substr(0, 2u << 20)).empty());
}

TEST_CASE("an alias bomb is reported at the alias that passes the limit of values") {
  CHECK(failure(bomb(4)).empty());
  // l0 to l4 come to 123,461 values with their keys; each *l4 adds 111,111, so the second.
  const auto result = read(bomb(9));
  REQUIRE_FALSE(result);
  CHECK(brief(result.error()) == "6:15+3 the file exceeds the limit of 250,000 values");
}

TEST_CASE("aliases of a long text are bounded by its bytes") {
  std::string text = "a: &a " + std::string(1u << 20, 'x') + "\nb:\n";
  CHECK(failure(text + repeated("- *a\n", 14)).empty());
  CHECK(failure(text + repeated("- *a\n", 100)) ==
        "17:3+2 the file exceeds the limit of 16,777,216 bytes of text");
}

TEST_CASE("nested anchors cost no more than what they hold") {
  std::string text;
  for (int i = 0; i < 40; ++i)
    text += "&a" + std::to_string(i) + " [";
  text += "0" + repeated(",0", 100'000) + repeated("]", 40);
  CHECK(failure(text).find("the anchors of this file hold more than 250,000 values") !=
        std::string::npos);
}

TEST_CASE("ten thousand workflows that depend on each other are read") {
  std::string text = "workflows:\n";
  for (int i = 0; i < 10'000; ++i)
    text += "  - name: workflow-" + std::to_string(i) +
            "\n    provider: bash\n    commands: [\"make all\"]\n    artifacts: [out]\n"
            "    depends-on: [workflow-1, workflow-2, workflow-3]\n";
  CHECK(failure(text).empty());
}

TEST_CASE("brackets and commas are counted before yaml-cpp looks ahead over them") {
  CHECK(failure("[" + repeated("x,", 149'998) + "]").empty());
  CHECK(failure("[" + repeated("x,", 149'999) + "]") ==
        "1:300000 the file exceeds the limit of 150,000 brackets and commas");
}

TEST_CASE("of a file that is wrong all over, the first thousand errors are reported") {
  const auto result = read_yaml(make_source_text("w.yaml", repeated("a: 1\n", 5000)));
  REQUIRE(result);
  REQUIRE(result->errors.size() == 1001);
  CHECK(result->errors.back().message == "the file exceeds the limit of 1,000 errors");
}
