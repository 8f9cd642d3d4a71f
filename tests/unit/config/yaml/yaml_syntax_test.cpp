#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

TEST_CASE("an unclosed quote is reported where it opens") {
  CHECK(failure("a: \"abc") == "1:4 this quote is never closed");
  CHECK(failure("a: \"abc\nb: c\n") == "1:4 this quote is never closed");
  CHECK(failure("x: 1\na: 'abc\nb: c\n") == "2:4 this quote is never closed");
  CHECK(failure("é: [a, \"b") == "1:8 this quote is never closed");
  CHECK(failure("a: \"x\\\"") == "1:4 this quote is never closed");
}

TEST_CASE("a quote that only the next quote closes is reported where it opens") {
  CHECK(failure("a: \"x\nb: \"y\"\n") == "1:4 this quote is never closed");
  CHECK(failure("a: [\"x, \"y\"]\n") == "1:5 this quote is never closed");
  CHECK(failure("a: ['x', 'y, 'z']\n") == "1:10 this quote is never closed");
  CHECK(failure("a: [\"x, y]\nb: \"z\"\n") == "1:5 this quote is never closed");
}

TEST_CASE("quotes inside of texts open nothing") {
  CHECK(shown("a: he said\n  \"well and\n  'twas good\n").substr(0, 1) == "{");
  CHECK(shown("a: |\n  \"never closed\nb: don't\n") == "{a: \"\"never closed\n\", b: don't}");
  CHECK(shown("# it's a comment\na: 1\n") == "{a: 1}");
}

TEST_CASE("text behind a closing quote") {
  CHECK(failure("a: 'don't'\n") == "1:9+2 unexpected text after the closing quote");
  CHECK(failure("a: [\"x\" y]\n") == "1:9 unexpected text after the closing quote");
}

TEST_CASE("a reference in a flow collection must be in quotes") {
  CHECK(failure("a: [x, ${{ y }}]") == "1:8+8 '${{' inside [ ] or { } must be in quotes");
  CHECK(failure("a: {x: ${{y}}}") == "1:8+6 '${{' inside [ ] or { } must be in quotes");
  CHECK(failure("a: [--x=${{ y }}]") == "1:9+8 '${{' inside [ ] or { } must be in quotes");
  CHECK(shown("a: ${{ y }}\nb: [\"${{ y }}\"]") == "{a: ${{ y }}, b: [\"${{ y }}\"]}");
}

TEST_CASE("brackets that are not closed, or close nothing") {
  CHECK(failure("a: [b, c\nd: e\n") == "1:4 '[' is never closed");
  CHECK(failure("a: {b: c\nd: e\n") == "1:4 '{' is never closed");
  CHECK(failure("a: ]\n") == "1:4 unmatched closing bracket");
}

TEST_CASE("tabs in the indentation") {
  CHECK(failure("a:\n\t- b\n") == "2:1 a tab cannot be used for indentation");
  CHECK(failure("a: 1\n  \tb: 2\n") == "2:3 a tab cannot be used for indentation");
  CHECK(failure("\ta: b\n") == "1:1 a tab cannot be used for indentation");
}

TEST_CASE("indentation that fits nothing") {
  CHECK(failure("a: 1\n b: 2\n") == "2:2 this line is indented deeper than the entry above it");
  CHECK(failure("a:\n  - b: 1\n   c: 2\n").substr(0, 3) == "3:4");
  CHECK(failure("a: 1\n- b\n").substr(0, 3) == "2:1");
  CHECK(failure("a: 1\nfoo\n") == "2:1+3 'foo' is not followed by ':'");
}

TEST_CASE("a colon in a plain text") {
  CHECK(failure("help: Note: this\n") == "1:11 a second ':' in one line");
}

TEST_CASE("a bad escape, a bad first character, a missing anchor") {
  CHECK(failure("a: \"x\\q\"\n") == "1:6+2 '\\q' is not a valid escape sequence");
  CHECK(failure("a: @x\n") == "1:4+2 a value cannot begin with '@'");
  CHECK(failure("a: %x\n") == "1:4+2 a value cannot begin with '%'");
  CHECK(failure("a: &data 1\nb: *dta\n") == "2:4+4 there is no anchor '&dta' before this alias");
  CHECK(read("a: &data 1\nb: *dta\n").error().hint == "did you mean 'data'?");
  CHECK(failure("a: [*.pt]\n") == "1:5+4 there is no anchor '&.pt' before this alias");
}

TEST_CASE("a second document is reported at its marker") {
  CHECK(failure("a: 1\n---\nb: 2\n") == "2:1+3 a second document begins here");
  CHECK(failure("a: 1\n...\nb: 2\n") == "3:1 a second document begins here");
  CHECK(failure("a: 1\n---\n") == "2:1+3 a second document begins here");
  CHECK(failure("---\na: 1\n...\n").empty());
}

TEST_CASE("what cannot go on with the document is not a second document") {
  CHECK(failure("- a\nb: c\n") == "2:1+4 this does not belong to the list above it");
  CHECK(failure("  a: b\nc: d\n") == "2:1+4 this does not belong to the map above it");
}

TEST_CASE("an alias inside of its own anchor is refused") {
  CHECK(failure("&x [*x]") == "1:5+2 the alias '*x' is inside its own anchor");
  CHECK(failure("a: &x\n  b: {c: *x}\n") == "2:10+2 the alias '*x' is inside its own anchor");
}

TEST_CASE("whatever the text, reading it ends in a value or an error with a place") {
  const std::string seed =
      "workflows:\n  - name: \"a\"\n    deps: [b, 'c', &x {d: *x}]\n    t: |\n      u\n  - <<: "
      "!!str ${{ v }}\n";
  for (std::size_t i = 0; i < seed.size(); ++i)
    for (const std::string_view piece : {"",
                                         "\"",
                                         "'",
                                         "[",
                                         "}",
                                         "\t",
                                         "\n",
                                         ": ",
                                         "- ",
                                         "&",
                                         "*",
                                         "#",
                                         "|",
                                         "\xC3\xA9",
                                         "---\n"}) {
      std::string text = seed;
      text.replace(i, piece.empty() ? 1 : 0, piece);
      const auto result = read(text);
      if (!result) {
        REQUIRE(result.error().where);
        CHECK(result.error().where->line >= 1);
        CHECK(result.error().where->column >= 1);
      }
    }
}
