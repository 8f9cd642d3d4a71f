#include "dstack/sweep/combinations.hpp"

#include "dstack/sweep/address.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>

using namespace dstack;
using namespace dstack::sweep;

namespace {

using Names = std::vector<std::string>;

Dimension key(const std::string& name, const std::string& values) {
  return dimension_of(name, parse_values(values).value());
}

Names names_of(const Space& space, const Sampling& sampling = {}) {
  const auto expansion = expand(space, sampling);
  if (!expansion)
    FAIL(expansion.error().message);
  Names names;
  for (const Combination& combination : expansion->combinations)
    names.push_back(render(combination));
  return names;
}

std::string refusal_of(const Space& space, const Sampling& sampling = {}) {
  const auto expansion = expand(space, sampling);
  REQUIRE_FALSE(expansion);
  return expansion.error().message;
}

}  // namespace

TEST_CASE("every value meets every other, the last key changing fastest") {
  CHECK(names_of({{key("lr", "0.1,0.01"), key("seed", "1..2")}, {}, {}}) ==
        Names{"lr=0.1,seed=1", "lr=0.1,seed=2", "lr=0.01,seed=1", "lr=0.01,seed=2"});
}

TEST_CASE("keys that change together are one dimension") {
  const auto zipped = zip({key("a", "1,2"), key("b", "x,y")});
  REQUIRE(zipped);
  CHECK(names_of({{*zipped, key("s", "7,8")}, {}, {}}) ==
        Names{"a=1,b=x,s=7", "a=1,b=x,s=8", "a=2,b=y,s=7", "a=2,b=y,s=8"});
  const auto uneven = zip({key("a", "1,2"), key("b", "x")});
  REQUIRE_FALSE(uneven);
  CHECK(uneven.error().message ==
        "'a' has 2 values, and 'b' has 1: keys that change together have equally many");
}

TEST_CASE("a key with a condition is left out where that does not hold") {
  Dimension momentum = key("momentum", "0.8,0.9");
  momentum.when = Condition{"optimizer", {"sgd"}};
  // The condition may come before what it is about.
  CHECK(names_of({{momentum, key("optimizer", "sgd,adam")}, {}, {}}) ==
        Names{"momentum=0.8,optimizer=sgd", "momentum=0.9,optimizer=sgd", "optimizer=adam"});
  momentum.when->key = "optimiser";
  CHECK(refusal_of({{momentum, key("optimizer", "sgd")}, {}, {}}) ==
        "'when' of 'momentum' asks for 'optimiser', which is not a key of the sweep");
  momentum.when->key = "momentum";
  CHECK(refusal_of({{momentum}, {}, {}}) == "the conditions of 'momentum' form a circle");
}

TEST_CASE("combinations are excluded and included") {
  CHECK(names_of({{key("a", "1,2"), key("b", "1,2")},
                  {{{"b", "2"}, {"a", "1"}}},
                  {{{"b", "9"}, {"a", "9"}}, {{"c", "x"}}}}) ==
        Names{"a=1,b=1", "a=2,b=1", "a=2,b=2", "a=9,b=9", "c=x"});
  CHECK(refusal_of({{key("a", "1")}, {{{"a", "1"}}}, {}}) == "'exclude' leaves no combination");
}

TEST_CASE("equal combinations are one") {
  const auto expansion = expand({{key("a", "1,2,1")}, {}, {{{"a", "2"}}}}, {});
  REQUIRE(expansion);
  CHECK(expansion->combinations.size() == 2);
  CHECK(expansion->equal == 2);
}

TEST_CASE("more samples keep those that were chosen before") {
  Space space{{key("lr", "log:1e-4..1"), key("p", "lin:0..1"), key("seed", "1,2")}, {}, {}};
  space.dimensions[1].interval->coordinate = 1;
  const Names few = names_of(space, {5, 0});
  const Names more = names_of(space, {40, 0});
  REQUIRE(few.size() == 10);
  REQUIRE(more.size() == 80);
  CHECK(std::equal(few.begin(), few.end(), more.begin()));
  CHECK(names_of(space, {5, 0}) == few);
  CHECK(names_of(space, {5, 1}) != few);
}

TEST_CASE("samples fill their interval evenly") {
  // Of 32 points each quarter of each axis has 8, give or take what moving them costs.
  Space space{{key("a", "lin:0..1"), key("b", "lin:0..1")}, {}, {}};
  space.dimensions[1].interval->coordinate = 1;
  const auto expansion = expand(space, {32, 3});
  REQUIRE(expansion);
  for (const char* name : {"a", "b"}) {
    std::array<int, 4> quarters{};
    for (const Combination& combination : expansion->combinations) {
      const double value = std::stod(*value_of(combination, name));
      CHECK(value >= 0);
      CHECK(value <= 1);
      ++quarters[std::min<std::size_t>(3, static_cast<std::size_t>(value * 4))];
    }
    for (const int count : quarters)
      CHECK(std::abs(count - 8) <= 1);
  }
}

TEST_CASE("an interval needs samples, and a sweep has a largest size") {
  CHECK(refusal_of({{key("lr", "lin:0..1")}, {}, {}}) ==
        "'lr' is an interval, and nothing says how many of its values to take");
  CHECK(refusal_of({{key("a", "1..10000"), key("b", "1..101")}, {}, {}}) ==
        "the sweep has more than 1000000 combinations");
  CHECK(names_of({{key("a", "1..100"), key("b", "1..100")}, {}, {}}).size() == 10'000);
}
