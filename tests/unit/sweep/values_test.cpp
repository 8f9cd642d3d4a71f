#include "dstack/sweep/values.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::sweep;

namespace {

using List = std::vector<std::string>;

List list_of(std::string_view text) {
  const auto values = parse_values(text);
  INFO(text);
  REQUIRE(values);
  CHECK_FALSE(values->interval);
  return values->list;
}

std::string refusal_of(std::string_view text) {
  const auto values = parse_values(text);
  INFO(text);
  REQUIRE_FALSE(values);
  CHECK(values.error().code == ErrorCode::configuration);
  CHECK_FALSE(values.error().hint.empty());
  return values.error().message;
}

}  // namespace

TEST_CASE("values keep their text") {
  CHECK(list_of("0.10,1e-4,sgd") == List{"0.10", "1e-4", "sgd"});
  CHECK(list_of("007") == List{"007"});
  CHECK(list_of("a..b,../data") == List{"a..b", "../data"});
}

TEST_CASE("a range of whole numbers has both ends") {
  CHECK(list_of("1..5") == List{"1", "2", "3", "4", "5"});
  CHECK(list_of("-1..1") == List{"-1", "0", "1"});
  CHECK(list_of("3..3") == List{"3"});
  CHECK(list_of("1..2,7") == List{"1", "2", "7"});
}

TEST_CASE("values at equal distances, or in equal ratios") {
  CHECK(list_of("lin:0..1:5") == List{"0", "0.25", "0.5", "0.75", "1"});
  CHECK(list_of("log:1e-4..1e-1:4") == List{"0.0001", "0.001", "0.01", "0.1"});
  CHECK(list_of("log:1..8:4") == List{"1", "2", "4", "8"});
  CHECK(list_of("lin:.5...9:2") == List{"0.5", "0.9"});
  CHECK(list_of("lin:1000001..1000002:2") == List{"1000001", "1000002"});
}

TEST_CASE("an interval has no values of its own") {
  for (const char* text : {"lin:0..1", "0.1..0.9", "log:1e-4..1e-1"}) {
    const auto values = parse_values(text);
    REQUIRE(values);
    CHECK(values->list.empty());
    REQUIRE(values->interval);
    CHECK(values->interval->logarithmic == (text[1] == 'o'));
  }
  const Interval interval{1e-4, 1, true};
  CHECK(interval.at(0) == "0.0001");
  CHECK(interval.at(0.5) == "0.01");
  CHECK(interval.at(1) == "1");
}

TEST_CASE("what is no range says what is wrong with it") {
  CHECK(refusal_of("") == "there are no values");
  CHECK(refusal_of("1,,2") == "a value of '1,,2' is empty");
  CHECK(refusal_of("5..1") == "the range '5..1' ends before it begins");
  CHECK(refusal_of("lin:2..1:3") == "the range 'lin:2..1:3' ends before it begins");
  CHECK(refusal_of("log:-1..1:3") ==
        "'log:-1..1:3' begins at -1, and a logarithmic range has positive numbers alone");
  CHECK(refusal_of("log:0..1") ==
        "'log:0..1' begins at 0, and a logarithmic range has positive numbers alone");
  CHECK(refusal_of("lin:0..1:1") == "'1' is not a number of values in 'lin:0..1:1'");
  CHECK(refusal_of("lin:0..1:x") == "'x' is not a number of values in 'lin:0..1:x'");
  CHECK(refusal_of("lin:0-1:5") == "'lin:0-1:5' is not a range");
  CHECK(refusal_of("lin:0..1,2") == "the interval 'lin:0..1' cannot be one of several values");
  CHECK(refusal_of("1..100000000") == "the range '1..100000000' has more than 1000000 values");
  CHECK(refusal_of("-9223372036854775808..9223372036854775807") ==
        "the range '-9223372036854775808..9223372036854775807' has more than 1000000 values");
}
