#include "dstack/sweep/trials.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::sweep;

namespace {

using Row = std::vector<std::optional<std::string>>;

Dimension parsed(const std::string& text) {
  auto table = parse_trials(make_source_text("trials.csv", text));
  if (!table)
    FAIL(render(table.error()));
  return *std::move(table);
}

std::string refusal_of(const std::string& text) {
  const auto table = parse_trials(make_source_text("trials.csv", text));
  REQUIRE_FALSE(table);
  return (table.error().where ? table.error().where->render() + ": " : "") + table.error().message;
}

}  // namespace

TEST_CASE("a table has a combination in each line") {
  const Dimension table = parsed("\xef\xbb\xbflr, name\r\n0.1,\"a, \"\"b\"\"\"\r\n\r\n0.2,\r\n");
  CHECK(table.keys == std::vector<std::string>{"lr", "name"});
  CHECK(table.rows == std::vector<Row>{{{"0.1"}, {"a, \"b\""}}, {{"0.2"}, std::nullopt}});
  CHECK(parsed("a\n1").rows == std::vector<Row>{{{"1"}}});
}

TEST_CASE("a wrong table says where") {
  CHECK(refusal_of("") == "the table 'trials.csv' is empty");
  CHECK(refusal_of("a,b\n") == "the table 'trials.csv' has no line below its first");
  CHECK(refusal_of("a,b c\n1,2\n") == "trials.csv:1:3: 'b c' is not the name of a variable");
  CHECK(refusal_of("a,a\n1,2\n") == "trials.csv:1:3: two columns are called 'a'");
  CHECK(refusal_of("a,b\n1,2\n3\n") ==
        "trials.csv:3:1: the line has 1 value, and the first line 2");
  CHECK(refusal_of("a\n\"1\n") == "trials.csv:2:1: a quote is not closed");
  CHECK(refusal_of("a\n\"1\"x\n") == "trials.csv:2:4: a quoted value goes on after its quote");
}

TEST_CASE("a table that is written can be read again") {
  const std::string text = render_table({{"lr=0.1/opt=sgd", {{"lr", "0.1"}, {"opt", "sgd"}}},
                                         {"lr=0.1/x=a,b", {{"lr", "0.1"}, {"x", "a,\"b"}}}});
  CHECK(text == "folder,lr,opt,x\nlr=0.1/opt=sgd,0.1,sgd,\n\"lr=0.1/x=a,b\",0.1,,\"a,\"\"b\"\n");
  CHECK(parsed(text).rows[1] == Row{{"lr=0.1/x=a,b"}, {"0.1"}, std::nullopt, {"a,\"b"}});
}
