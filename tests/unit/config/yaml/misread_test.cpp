// Texts that YAML reads as something else, and what people are told of it.
#include "dstack/config/yaml/misread.hpp"

#include "support/catch.hpp"
#include "support/text.hpp"
#include "unit/config/yaml/parsing.hpp"

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

namespace {

constexpr std::string_view below_bar = "; or write it on a line of its own below '|'";

std::string quote_it(const std::string& quoted) {
  return "put the whole in quotes: " + quoted + std::string(below_bar);
}

/// What is wrong with a list of commands whose second one is this: "MESSAGE | HINT".
std::string of_command(const std::string& command) {
  const auto parsed = read("commands:\n  - ls\n  - " + command + "\n  - pwd\n");
  if (!parsed)
    return brief(parsed.error()) + " | " + parsed.error().hint;
  return parsed->errors.empty() ? std::string()
                                : brief(parsed->errors[0]) + " | " + parsed->errors[0].hint;
}

/// What is said of the value of a command that could be read and is no text.
std::string of_value(const std::string& written) {
  const auto parsed = read("commands:\n  - ls\n  - " + written + "\n");
  REQUIRE(parsed);
  return explain_misread(parsed->root.members[0].value.elements[1]);
}

}  // namespace

TEST_CASE("a tag is refused at its place, wherever it is, and whatever it is called") {
  CHECK(of_command("! test -e lock") ==
        "3:5 the tag '!' is not supported here | '!' begins a tag of YAML, and no part of the "
        "text; " +
            quote_it("'! test -e lock'"));
  CHECK(of_command("!test -e lock") ==
        "3:5+5 the tag '!test' is not supported here | remove it; if '!' is part of the text, " +
            quote_it("'!test -e lock'"));
  for (const std::string text : {"a: !!str 3",
                                 "a: ! 3",
                                 "a: !!int 3",
                                 "a: !<tag:yaml.org,2002:str> x",
                                 "a: &x !!str y",
                                 "a: &x ! y",
                                 "a: !include other.yaml",
                                 "a: [!!str x]",
                                 "a: {b: ! x}",
                                 "! a: b",
                                 "a: ! 'x'",
                                 "a: ! [x]",
                                 "a: !!map\n  b: c",
                                 "a: !\nb: c"}) {
    CAPTURE(text);
    const auto parsed = read(text);
    REQUIRE(parsed);
    REQUIRE(parsed->errors.size() == 1);
    CHECK(dstack::test::holds(parsed->errors[0].message, "the tag '!"));
    CHECK(parsed->errors[0].where->line == 1);
    CHECK_FALSE(parsed->errors[0].hint.empty());
  }
  CHECK(read("a: 'x'\nb: \"! y\"\nc: x!\nd: |\n  ! z\n")->errors.empty());
}

TEST_CASE("a command that begins with a sign of YAML is explained with the way to write it") {
  CHECK(of_command("[ -d data ] || mkdir data") ==
        "3:5+25 '[' begins a list here | if it is part of a text, " +
            quote_it("'[ -d data ] || mkdir data'"));
  CHECK(of_command("[[ \"$a\" = b ]] && ls") ==
        "3:5+20 '[' begins a list here | if it is part of a text, " +
            quote_it("'[[ \"$a\" = b ]] && ls'"));
  CHECK(of_command("[ \"$a\" = \"b\" ] # why") ==
        "3:5+14 '[' begins a list here | if it is part of a text, " +
            quote_it("'[ \"$a\" = \"b\" ]'"));
  CHECK(of_command("{ date; uptime; } > log") ==
        "3:5+23 '{' begins a map here | if it is part of a text, " +
            quote_it("'{ date; uptime; } > log'"));
  CHECK(of_command("& sleep") ==
        "3:5+7 '&' begins an anchor here | if it is part of a text, " + quote_it("'& sleep'"));
  CHECK(of_command("&>log echo x") ==
        "3:5+5 '&>log' begins an anchor here, and is not a part of the text | " +
            quote_it("'&>log echo x'"));
  CHECK(of_command("&>log") ==
        "3:5+5 '&>log' begins an anchor here, and is not a part of the "
        "text | " +
            quote_it("'&>log'"));
  CHECK(of_command("&& echo y").find("'&&' begins an anchor here") != std::string::npos);
  CHECK(of_command("&name-1 echo y").empty());
  CHECK(of_command("| tee log") ==
        "3:5+9 '|' begins a text here that is on the lines below it | if it is part of a text, " +
            quote_it("'| tee log'"));
  CHECK(of_command("> log ls") ==
        "3:5+8 '>' begins a text here that is on the lines below it | if it is part of a text, " +
            quote_it("'> log ls'"));
  CHECK(
      of_command("*.txt") ==
      "3:5+5 there is no anchor '&.txt' before this alias | '*' begins an alias; if it is part of "
      "a text, " +
          quote_it("'*.txt'"));
  CHECK(of_command("@here") == "3:5+5 a value cannot begin with '@' | " + quote_it("'@here'"));
  CHECK(of_command("%run") == "3:5+4 a value cannot begin with '%' | " + quote_it("'%run'"));
  CHECK(of_command("`date` > log") ==
        "3:5+12 a value cannot begin with '`' | " + quote_it("'`date` > log'"));
  CHECK(of_command(": > log") == "3:5 there is no key before this ':' | " + quote_it("': > log'"));
  CHECK(of_command("{{ name }} x") ==
        "3:5+2 '{{' begins a map here, not a reference | a reference is written with '$': "
        "${{ name }}");
}

TEST_CASE("text after a closing quote is explained with the whole in quotes") {
  CHECK(of_command("\"$PWD\"/run --fast") ==
        "3:11+11 unexpected text after the closing quote | " + quote_it("'\"$PWD\"/run --fast'"));
  CHECK(of_command("\"$PWD\"/a | tee 'b c'") ==
        "3:11+14 unexpected text after the closing quote | " +
            quote_it("'\"$PWD\"/a | tee ''b c'''"));
  CHECK(of_command("\"a b\" | tee c") ==
        "3:11+7 unexpected text after the closing quote | " + quote_it("'\"a b\" | tee c'"));
  CHECK(of_command("curl -H 'A: \"b\"'") ==
        "3:20 unexpected text after the closing quote | " + quote_it("'curl -H ''A: \"b\"'''"));
  CHECK(
      of_command("'It isn't'") ==
      "3:13+2 unexpected text after the closing quote | put the whole value in quotes; inside '…' "
      "a quote is written '', inside \"…\" it is \\\"");
  CHECK(of_command("'a b' && ls") ==
        "3:11+5 unexpected text after the closing quote | " + quote_it("\"'a b' && ls\""));
}

TEST_CASE("what is written for a key is explained as what is written in a list") {
  const auto of_key = [](const std::string& written) {
    const auto parsed = read("x: 1\nkey: " + written + "\ny: 2\n");
    REQUIRE_FALSE(parsed);
    return parsed.error().hint;
  };
  CHECK(of_key("[a] b") == "if it is part of a text, " + quote_it("'[a] b'"));
  CHECK(of_key("{a} b") == "if it is part of a text, " + quote_it("'{a} b'"));
  CHECK(of_key("\"a\" b") == quote_it("'\"a\" b'"));
  CHECK(of_key("*.md") == "'*' begins an alias; if it is part of a text, " + quote_it("'*.md'"));
  CHECK(of_key("run: a: b") == "': ' makes a key of what is before it; " + quote_it("'run: a: b'"));
  CHECK(of_key("| x") == "if it is part of a text, " + quote_it("'| x'"));
}

TEST_CASE("lists and maps that are written wrong are not taken for texts") {
  CHECK(failure("a: [b, c\nd: e\n") == "1:4 '[' is never closed");
  CHECK(failure("a: {b: c\nd: e\n") == "1:4 '{' is never closed");
  CHECK(failure("a: [ \"x\" y ]\n") == "1:10 unexpected text after the closing quote");
  CHECK(failure("a: [echo {b}]\n") ==
        "1:10 a text that holds '{' must be in quotes inside [ ] and { }");
}

TEST_CASE("a value that became a list or a map is explained by the sign that made it one") {
  CHECK(of_value("echo \"Note: done\"") ==
        "': ' in it makes a map of it; " + quote_it("'echo \"Note: done\"'"));
  CHECK(of_value("echo 'Note: done' # why") ==
        "': ' in it makes a map of it; " + quote_it("\"echo 'Note: done'\""));
  CHECK(of_value("echo \"it's: done\"") ==
        "': ' in it makes a map of it; " + quote_it("'echo \"it''s: done\"'"));
  CHECK(of_value("echo done:") ==
        "the ':' at its end makes a map of it; " + quote_it("'echo done:'"));
  CHECK(of_value("[ -d data ]") == "'[' makes a list of it; " + quote_it("'[ -d data ]'"));
  CHECK(of_value("{ date; }") == "'{' makes a map of it; " + quote_it("'{ date; }'"));
  CHECK(of_value("- ls") == "'- ' makes a list of it; " + quote_it("'- ls'"));
  CHECK(of_value("# ls") == "'#' begins a comment; " + quote_it("'# ls'"));
  CHECK(of_value("run: make") == "write what is after 'run:' alone");
  CHECK(of_value("name: a\n    value: b").empty());
  const auto flow = read("commands: [ls, echo \"Note: done\"]\n");
  REQUIRE(flow);
  CHECK(explain_misread(flow->root.members[0].value.elements[1]) ==
        "': ' in it makes a map of it; put the whole in quotes, or write it on a line of its own "
        "below '|'");
}

TEST_CASE("a text that ends inside of a quote is explained by the sign that ended it") {
  const auto of_cut = [](const std::string& text) {
    const auto parsed = read(text);
    REQUIRE(parsed);
    return explain_cut(parsed->root.members[0].value.elements[0]);
  };
  CHECK(of_cut("a:\n  - echo \"1 # 2\"\n") ==
        "' #' begins a comment, which ends it; " + quote_it("'echo \"1 # 2\"'"));
  CHECK(of_cut("a: [echo \"1, 2\"]\n") ==
        "',' ends it inside [ ] and { }; put the whole in quotes, or write it on a line of its own "
        "below '|'");
  CHECK(of_cut("a:\n  - echo \"1\n").empty());
  CHECK(of_cut("a:\n  - 'echo \"1' # 2\"\n").empty());
}

TEST_CASE("a text without its long line is advised all the same") {
  CHECK(quoting_hint(std::string(200, 'x')) ==
        "put the whole in quotes, or write it on a line of its own below '|'");
}

TEST_CASE("lines that YAML joins are known, unless they read as one line that goes on") {
  const auto is_joined = [](const std::string& written) {
    const auto parsed = read("commands:\n  - ls\n  - " + written + "\n  - pwd\n");
    REQUIRE(parsed);
    return parsed->root.members[0].value.elements[1].joined;
  };
  CHECK(is_joined("for i in 1 2; do\n      echo $i\n    done"));
  CHECK(is_joined("echo a\n    echo b"));
  CHECK(is_joined("train.py\n    --lr 1\n    echo b"));
  CHECK_FALSE(is_joined("echo a"));
  CHECK_FALSE(is_joined("train.py\n    --lr 1\n    --epochs 2"));
  CHECK_FALSE(is_joined("cat a |\n    sort &&\n    head"));
  CHECK_FALSE(is_joined("cat a \\\n    b"));
  CHECK_FALSE(is_joined("|\n    echo a\n    echo b"));
  CHECK_FALSE(is_joined("'echo a\n    echo b'"));

  const auto alone = read("commands:\n  echo a\n  echo b\nx: 1\n");
  REQUIRE(alone);
  CHECK(alone->root.members[0].value.joined);
}
