#include "dstack/base/strict_json.hpp"

#include "support/catch.hpp"

using namespace dstack;

namespace {

std::string outcome(const std::string& text) {
  const auto json = parse_strict_json(text, "it");
  return json ? json->dump() : json.error().message;
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

}  // namespace

TEST_CASE("JSON from untrusted sources is read as it is", "[base]") {
  const std::string text = R"({"b":[1,{"x":true}],"a":{"x":null,"y":"x"},"x":2.5})";
  CHECK(outcome(text) == text);
  CHECK(outcome("{\"a\":").find("cannot read it: ") == 0);
}

TEST_CASE("a duplicate key in one object is an error, in two objects it is not", "[base]") {
  CHECK(outcome(R"({"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]})") ==
        R"({"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]})");
  CHECK(outcome(R"({"a":1,"b":2,"a":3})") == "it has the member 'a' twice");
  CHECK(outcome(R"([{"x":{"a":{"b":1,"b":1}}}])") == "it has the member 'b' twice");
  CHECK(outcome(R"({"a":{"z":1},"z":2,"a":3})") == "it has the member 'a' twice");
}

TEST_CASE("unbounded nesting is an error, and costs no stack", "[base]") {
  CHECK(outcome(nested(deepest_strict_json)) == nested(deepest_strict_json));
  for (const std::size_t levels : {deepest_strict_json + 1, std::size_t{1'000'000}})
    CHECK(outcome(nested(levels)) ==
          "it nests deeper than " + std::to_string(deepest_strict_json) + " levels");
  CHECK(outcome(std::string(1'000'000, '[')).find("it nests deeper than ") == 0);
  std::string objects;
  for (int i = 0; i < 100'000; ++i)
    objects += "{\"a\":";
  CHECK(outcome(objects + "1" + std::string(100'000, '}')).find("it nests deeper than ") == 0);
}

TEST_CASE("two concatenated files are several texts", "[base]") {
  CHECK(holds_several_json_texts(R"({"a":1} {"b":2})"));
  CHECK(holds_several_json_texts(std::string("{\"a\":{}}\0\0{", 11)));
  CHECK_FALSE(holds_several_json_texts(R"({"a":"} {","b":{"c":"\"} {"}})"));
  CHECK_FALSE(holds_several_json_texts(""));
}

TEST_CASE("in our own JSON the last of duplicate keys counts", "[base]") {
  const auto json = parse_json(R"({"a":1,"b":{"a":2},"a":3})", "it");
  REQUIRE(json);
  CHECK(json->dump() == R"({"a":3,"b":{"a":2}})");
}

TEST_CASE("an object may have many members, each found once", "[base]") {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i)
    text += "\"m" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  const auto json = parse_json(text + "\"m17\":-1}", "it");
  REQUIRE(json);
  CHECK(json->size() == 100'000);
  CHECK((*json)["m17"] == -1);
  CHECK(outcome(text + "\"m17\":-1}") == "it has the member 'm17' twice");
}

TEST_CASE("our own JSON nests deep, up to a limit", "[base]") {
  CHECK(parse_json(nested(deepest_json), "it"));
  for (const std::size_t levels : {deepest_json + 1, std::size_t{1'000'000}}) {
    const auto json = parse_json(nested(levels), "it");
    REQUIRE_FALSE(json);
    CHECK(json.error().message == "it nests deeper than 256 levels");
  }
}
