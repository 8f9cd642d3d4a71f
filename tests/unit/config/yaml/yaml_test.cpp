#include "dstack/config/yaml/yaml.hpp"

#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

TEST_CASE("scalars keep their text") {
  CHECK(shown("version: 3.10") == "{version: 3.10}");
  CHECK(shown("a: yes\nb: 0x10\nc: 1e3\nd: 007") == "{a: yes, b: 0x10, c: 1e3, d: 007}");
}

TEST_CASE("a quoted or block scalar is distinguished from a plain one") {
  CHECK(shown("a: \"\"\nb: 'null'\nc: |\n  x\ne: 3") == "{a: \"\", b: \"null\", c: \"x\n\", e: 3}");
}

TEST_CASE("an empty value and a written null are null") {
  CHECK(shown("a:\nb: ~\nc: null\nd: [~, NULL]\n") == "{a: ~, b: ~, c: ~, d: [~, ~]}");
  CHECK(shown("") == "~");
  CHECK(shown("# a comment only\n") == "~");
  CHECK(shown("null: 1\n~: 2\n") == "{null: 1, ~: 2}");
}

TEST_CASE("anchors, aliases and merge keys are expanded") {
  CHECK(shown("a: &x [1, 2]\nb: *x\n") == "{a: [1, 2], b: [1, 2]}");
  CHECK(shown("base: &b {x: 1, y: 2}\nc:\n  y: 3\n  <<: *b\n  z: 4\n") ==
        "{base: {x: 1, y: 2}, c: {y: 3, x: 1, z: 4}}");
  CHECK(shown("a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b]}\n") ==
        "{a: {x: 1}, b: {x: 2, y: 3}, c: {x: 1, y: 3}}");
  CHECK(shown("k: &k name\n*k : 1\n") == "{k: name, name: 1}");
}

TEST_CASE("a key of the map's own wins over a merged one, with '-' and '_' the same") {
  CHECK(shown("base: &b {working-dir: x}\nc: {<<: *b, working_dir: y}\n") ==
        "{base: {working-dir: x}, c: {working_dir: y}}");
}

TEST_CASE("a quoted '<<' is an ordinary key") {
  CHECK(shown("a: {\"<<\": 1}") == "{a: {<<: 1}}");
}

TEST_CASE("carriage returns and a byte order mark change no place") {
  const auto parsed = read(
      "\xEF\xBB\xBF"
      "a: 1\r\nb:\r\n  c: x\r\n");
  REQUIRE(parsed);
  CHECK(shown(parsed->root) == "{a: 1, b: {c: x}}");
  CHECK(place(parsed->root.members[0].value.where) == "1:4");
  CHECK(place(parsed->root.members[1].value.members[0].value.where) == "3:6");
}

TEST_CASE("places count characters and mark what is written") {
  const auto parsed = read("ключ: значение\nlist: [é, \"ü ü\", {a: b}]\nblock: |\n  text\n");
  REQUIRE(parsed);
  const auto& members = parsed->root.members;
  CHECK(place(members[0].key_where) == "1:1+4");
  CHECK(place(members[0].value.where) == "1:7+8");
  CHECK(place(members[1].value.where) == "2:7+18");
  CHECK(place(members[1].value.elements[0].where) == "2:8");
  CHECK(place(members[1].value.elements[1].where) == "2:11+5");
  CHECK(place(members[1].value.elements[2].where) == "2:18+6");
  CHECK(place(members[2].value.where) == "3:8");
}

TEST_CASE("anchors and tags before a value are not part of its place") {
  const auto parsed = read("a: &x !!str text\nb: &y\n  c: 1\nd: *x\n");
  REQUIRE(parsed);
  const auto& members = parsed->root.members;
  CHECK(place(members[0].value.where) == "1:13+4");
  CHECK(place(members[1].value.where) == "3:3+4");
  CHECK(place(members[2].value.where) == "4:4+2");
}

TEST_CASE("nothing stands at its key or its dash") {
  const auto parsed = read("a:\nnull: x\nlist:\n  - 1\n  -  # nothing\n\n  - ~\nlast:\n");
  REQUIRE(parsed);
  const auto& members = parsed->root.members;
  CHECK(place(members[0].value.where) == "1:1");
  CHECK(place(members[1].key_where) == "2:1+4");
  CHECK(place(members[2].value.elements[1].where) == "5:3");
  CHECK(place(members[2].value.elements[2].where) == "7:5");
  CHECK(place(members[3].value.where) == "8:1+4");
}

TEST_CASE("a list of maps has the place of each map's first key") {
  const auto parsed = read("- a: 1\n  b: 2\n- - x\n  - y\n");
  REQUIRE(parsed);
  CHECK(place(parsed->root.elements[0].where) == "1:3+4");
  CHECK(place(parsed->root.elements[1].where) == "3:3+3");
  CHECK(place(parsed->root.elements[1].elements[1].where) == "4:5");
}

TEST_CASE("duplicate keys are all reported, in the order of the file, and the first stands") {
  const auto parsed = read("a: {x: 1, x: 2}\nb: 1\nb: 2\nb: 3\n");
  REQUIRE(parsed);
  CHECK(shown(parsed->root) == "{a: {x: 1}, b: 1}");
  REQUIRE(parsed->errors.size() == 3);
  CHECK(brief(parsed->errors[0]) == "1:11 duplicate key 'x'");
  CHECK(parsed->errors[0].hint == "the first is at file.yaml:1:5; remove one of the two");
  CHECK(brief(parsed->errors[1]) == "3:1 duplicate key 'b'");
  CHECK(brief(parsed->errors[2]) == "4:1 duplicate key 'b'");
}

TEST_CASE("duplicate keys of a large map are found, too") {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += "k" + std::to_string(i) + ": 1\n";
  const auto parsed = read(text + "k50: 2\n");
  REQUIRE(parsed);
  REQUIRE(parsed->errors.size() == 1);
  CHECK(brief(parsed->errors[0]) == "101:1+3 duplicate key 'k50'");
  CHECK(parsed->root.members.size() == 100);
}

TEST_CASE("keys that are not texts, merges of what is not a map, and unknown tags are reported") {
  const auto parsed = read("? [a]\n: 1\nb: {<<: x}\nc: !mine 3\nd: {{ e }}\n");
  REQUIRE(parsed);
  REQUIRE(parsed->errors.size() == 4);
  CHECK(brief(parsed->errors[0]) == "1:3+3 a key must be a text, not a list");
  CHECK(brief(parsed->errors[1]) == "3:9 '<<' takes a map or a list of maps, not a text");
  CHECK(brief(parsed->errors[2]) == "4:4+5 the tag '!mine' is not supported here");
  CHECK(brief(parsed->errors[3]) == "5:4+2 '{{' begins a map here, not a reference");
}
