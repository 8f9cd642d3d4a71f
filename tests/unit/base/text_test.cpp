#include "dstack/base/text.hpp"

#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("bad UTF-8 is found at its first byte") {
  CHECK_FALSE(find_invalid_utf8("plain, grün, 日本, 🦦").has_value());
  CHECK(find_invalid_utf8("ab\xff") == 2u);
  CHECK(find_invalid_utf8("\xc0\xaf") == 0u);           // overlong
  CHECK(find_invalid_utf8("a\xed\xa0\x80") == 1u);      // surrogate
  CHECK(find_invalid_utf8("a\xf4\x90\x80\x80") == 1u);  // beyond U+10FFFF
  CHECK(find_invalid_utf8("a\xe6\x97") == 1u);          // cut short
}

TEST_CASE("columns count characters, widths count cells") {
  CHECK(count_characters("grün") == 4);
  CHECK(display_width("grün") == 4);
  CHECK(display_width("日本") == 4);
}

TEST_CASE("names cannot drive the terminal") {
  CHECK(printable("a\x1b[31mb") == "a\\x1b[31mb");
  CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae");
  CHECK(printable("grün") == "grün");
}

TEST_CASE("every word survives quoting and splitting") {
  for (const std::string word :
       {"", "plain", "two words", "it's", "$(rm -rf /)", "a\nb", "\"x\"", "\\", "-n", "*"}) {
    const auto words = shell_split(shell_quote(word) + " " + shell_quote("next"));
    REQUIRE(words.has_value());
    CHECK(*words == std::vector<std::string>{word, "next"});
  }
  CHECK(shell_split("--lr 0.1 \\\n  --n\\\name \"a\\\nb\"") ==
        std::vector<std::string>{"--lr", "0.1", "--name", "ab"});
  CHECK_FALSE(shell_split("'open").has_value());
  CHECK_FALSE(shell_split("\"open").has_value());
}

TEST_CASE("a variable's environment name is upper case with underscores") {
  CHECK(environment_name("batch-size") == "BATCH_SIZE");
  CHECK(environment_name("lr.2") == "LR_2");
}

TEST_CASE("names begin with a letter or digit") {
  CHECK(is_name("train"));
  CHECK(is_name("3d.model_v-2"));
  for (const char* text : {"", "-x", ".x", "a b", "a/b", "ä"})
    CHECK_FALSE(is_name(text));
}

TEST_CASE("lists in messages name what there is and count the rest") {
  CHECK(quoted_list({"a"}) == "'a'");
  CHECK(quoted_list({"a", "b", "c"}) == "'a', 'b' and 'c'");
  CHECK(quoted_list({"a", "b", "c"}, 2) == "'a', 'b' and 1 more");
}
