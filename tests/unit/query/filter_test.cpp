#include "dstack/query/filter.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <map>

using namespace dstack;
using namespace dstack::query;

namespace {

const std::map<std::string, Value> row = {
    {"lr", "0.001"},
    {"val_acc", 0.93},
    {"nan", std::numeric_limits<double>::quiet_NaN()},
    {"status", "done"},
    {"duration", 90.0},
    {"optimizer", "adam"},
    {"a name", "x"},
};

bool matches(const std::string& text) {
  const auto filter = Filter::parse(text);
  if (!filter)
    FAIL(render(filter.error()));
  return filter->matches([](const std::string& name) {
    const auto found = row.find(name);
    return found == row.end() ? Value() : found->second;
  });
}

Error refused(const std::string& text) {
  auto filter = Filter::parse(text);
  if (filter)
    FAIL("'" << text << "' is a condition");
  return std::move(filter).error();
}

}  // namespace

TEST_CASE("numbers are compared as numbers, however they are written") {
  CHECK(matches("lr<0.01"));
  CHECK(matches("lr=1e-3"));
  CHECK(matches("lr == .001"));
  CHECK(matches("lr>=0.001 and lr<=0.001"));
  CHECK_FALSE(matches("lr>0.001"));
  CHECK_FALSE(matches("lr!=1e-3"));
  CHECK(matches("val_acc > -1"));
  CHECK(matches("duration<2m and duration>1m29s"));
}

TEST_CASE("texts are the same or not, and may contain others") {
  CHECK(matches("status=done"));
  CHECK(matches("status = 'done'"));
  CHECK(matches("status!=failed"));
  CHECK(matches("optimizer~ada"));
  CHECK_FALSE(matches("optimizer<zebra"));
  CHECK(matches("\"a name\"=x"));
}

TEST_CASE("what is undefined meets nothing but that") {
  CHECK(matches("missing is undefined"));
  CHECK(matches("val_acc is not undefined"));
  for (const char* operation : {"=", "!=", "<", ">", "~"})
    CHECK_FALSE(matches(std::string("missing") + operation + "1"));
  for (const char* operation : {"=", "!=", "<", ">"})
    CHECK_FALSE(matches(std::string("nan") + operation + "1"));
  CHECK(matches("nan is not undefined"));
}

TEST_CASE("'and' binds more than 'or', 'not' more than both") {
  CHECK(matches("lr=1 and lr=2 or status=done"));
  CHECK_FALSE(matches("lr=1 and (lr=2 or status=done)"));
  CHECK(matches("not lr=1 and status=done"));
  CHECK_FALSE(matches("not (lr=1 or status=done)"));
  CHECK(matches("not not status=done"));
}

TEST_CASE("what is no condition is refused at its place") {
  const auto column = [](const std::string& text) { return refused(text).where->column; };
  CHECK(column("") == 1);
  CHECK(column("lr") == 3);
  CHECK(column("lr<") == 4);
  CHECK(column("lr<0.1 and") == 11);
  CHECK(column("lr<0.1 status=done") == 8);
  CHECK(column("(lr<0.1") == 8);
  CHECK(column("lr is 3") == 7);
  CHECK(column("\xc3\xa4=1 =") == 5);
  CHECK(column("lr='open") == 4);
  CHECK(column("= 3") == 1);
  CHECK(refused("lr<0.1 status=done").where->length == 6);
  CHECK(refused("lr<0.1 status=done").message == "expected 'and', 'or' or the end, not 'status'");
  CHECK(refused(std::string(1000, '(') + "a=1").message == "it is nested too deeply");
  CHECK(refused("lr<<1").code == ErrorCode::usage);
}

TEST_CASE("a name that no row has is refused, with those that are close") {
  const auto filter = Filter::parse("stauts=done and lr<1").value();
  const auto checked = filter.check_names(
      [](const std::string& name) { return row.contains(name); }, {"status", "lr"});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message == "there is no column 'stauts'");
  CHECK(checked.error().hint == "did you mean 'status'?");
  CHECK(checked.error().where->column == 1);
}
