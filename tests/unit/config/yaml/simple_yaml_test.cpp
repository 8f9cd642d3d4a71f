// The fast reader and the parser give the same.
#include "dstack/config/yaml/simple_yaml.hpp"

#include "support/catch.hpp"
#include "support/yaml_values.hpp"

#include <random>

using namespace dstack;
using namespace dstack::config;

namespace {

bool is_simple(const std::string& text) {
  YamlTree tree(make_source_text("file.yaml", text), {});
  return read_simple_yaml(tree);
}

void check_same(const std::string& text) {
  const auto source = make_source_text("file.yaml", text);
  const auto fastest = read_yaml(source);
  const auto parsed = read_yaml(source, {}, YamlReader::parser);
  INFO(text);
  REQUIRE(fastest.has_value() == parsed.has_value());
  if (!parsed) {
    CHECK(render(fastest.error()) == render(parsed.error()));
    return;
  }
  CHECK(test::is_same(fastest->root, parsed->root));
  REQUIRE(fastest->errors.size() == parsed->errors.size());
  for (std::size_t i = 0; i < parsed->errors.size(); ++i)
    CHECK(render(fastest->errors[i]) == render(parsed->errors[i]));
}

/// Any sequence of what means something in YAML.
class RandomTexts {
 public:
  std::string any(std::size_t most) {
    static const std::vector<std::string> pieces = {
        "a: ",  "bc:",  "- ",      "-",    "  ",  "    ", "\n",  "\n",   "\n  ",     "\n- ",
        "[",    "]",    ", ",      ",",    "{",   "}",    ":",   "?",    " ",        "x",
        "y z",  "1.5",  "\"q q\"", "'s'",  "''",  "\"",   "'",   "#c",   " # d",     "x:y",
        "null", "~",    "&a ",     "*a",   "!t ", "|",    ">",   "\t",   "é",        "---",
        "...",  "<<: ", "\\n",     "\r\n", "%",   "@",    "--k", "$(x)", "${{ v }}", "key: v"};
    std::string text;
    for (std::size_t count = pick(most); count > 0; --count)
      text += pieces[pick(pieces.size() - 1)];
    return text;
  }

  /// A text of the simple kind, with a few pieces put anywhere into it.
  std::string nearly_simple() {
    std::string text;
    add_map(text, 0, 3);
    for (std::size_t count = pick(3); count > 0; --count)
      text.insert(pick(text.size()), any(2));
    return text;
  }

  std::string simple() {
    std::string text;
    add_map(text, 0, 3);
    return text;
  }

 private:
  std::size_t pick(std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random_);
  }

  void add_map(std::string& text, std::size_t column, std::size_t depth) {
    for (std::size_t i = 0, count = 1 + pick(2); i < count; ++i) {
      if (i > 0 || column == 0)
        text += std::string(column, ' ');
      text += fmt::format("k{}:", i);
      add_value(text, column, depth);
    }
  }

  void add_value(std::string& text, std::size_t column, std::size_t depth) {
    const std::size_t kind = depth == 0 ? pick(1) : pick(3);
    if (kind == 2) {
      text += pick(4) == 0 ? "  \n\n" : "\n";
      const std::size_t deeper = column + 1 + pick(2);
      text += std::string(deeper, ' ');
      return add_map(text, deeper, depth - 1);
    }
    if (kind == 3) {
      const std::size_t dashes = column + pick(2);
      text += "\n";
      for (std::size_t i = 0, count = 1 + pick(2); i < count; ++i) {
        text += std::string(dashes, ' ') + "- ";
        if (pick(1) == 0)
          add_map(text, dashes + 2, depth - 1);
        else
          text += inline_value(1) + "\n";
      }
      return;
    }
    text += " " + inline_value(2) + (pick(4) == 0 ? "  \n" : "\n");
    if (pick(8) == 0)
      text += "   # a comment\n";
  }

  std::string inline_value(std::size_t depth) {
    static const std::vector<std::string> texts = {"x",
                                                   "two words",
                                                   "3.10",
                                                   "\"q: # [\"",
                                                   "'s, t'",
                                                   "a:b",
                                                   "./p/q",
                                                   "--flag",
                                                   "$HOME/x",
                                                   "yes",
                                                   "\"\"",
                                                   "''",
                                                   "c++",
                                                   "é ü",
                                                   "x=1"};
    const std::size_t kind = depth == 0 ? 0 : pick(4);
    if (kind == 3 || kind == 4) {
      std::string text(1, kind == 3 ? '[' : '{');
      for (std::size_t i = 0, count = pick(3); i < count; ++i)
        text += (i > 0 ? ", " : "") + (kind == 4 ? fmt::format("f{}: ", i) : std::string()) +
                inline_value(depth - 1);
      return text + (kind == 3 ? "]" : "}");
    }
    return texts[pick(texts.size() - 1)];
  }

  std::mt19937 random_{7};
};

}  // namespace

TEST_CASE("simple texts are read without the parser") {
  for (const char* text :
       {"a: b\n",
        "a: b",
        "# c\n\na: two words  \n",
        "workflows:\n  - name: train\n    provider: bash\n"
        "    commands: [\"echo 'a'\", \"true\"]\n    depends-on: [x, y:latest]\n",
        "workflows:\n- name: train\n  commands:\n  - 'true'\n  - ls -l | wc\n",
        "a: {b: c, \"d\": [e, {f: g}]}\nh: []\ni: {}\n",
        "a:\n  b:\n    c: d\n  e: f\n",
        "a: \"x: y # z\"\nb: ''\nc: ключ\n"}) {
    INFO(text);
    CHECK(is_simple(text));
    check_same(text);
  }
}

TEST_CASE("all other texts are left to the parser") {
  for (const char* text : {"",
                           "# c\n",
                           "a:\n",
                           "a: ~\n",
                           "a: null\n",
                           "- a\n",
                           "a: b\n  c\n",
                           "a: |\n  b\n",
                           "a: &x b\n",
                           "a: *x\n",
                           "a: !t b\n",
                           "a:\tb\n",
                           "a: b\r\n",
                           "a: b # c\n",
                           "a: b: c\n",
                           "a: \"b\\n\"\n",
                           "a: 'b''c'\n",
                           "---\na: b\n",
                           "a: b\n---\n",
                           "a: [b,\n c]\n",
                           "a: [b, ]\n",
                           "a: [b: c]\n",
                           "a: {b}\n",
                           "a: [b?c]\n",
                           "? a\n",
                           " a: b\n",
                           "a: b\n c: d\n",
                           "a:\n  - - b\n",
                           "a:\n  -\n",
                           "a: @b\n",
                           "<<: b\n",
                           "\"a\": b\n",
                           "a: b\na: c\nd",
                           "a: \"b\" c\n",
                           "a: [b\n",
                           "null: a\n"}) {
    INFO(text);
    CHECK_FALSE(is_simple(text));
    check_same(text);
  }
}

TEST_CASE("an error of a simple text has the words of the parser's way") {
  check_same("a: b\nc: d\na: e\n");
  check_same("a: {b: 1, b: 2}\n");
}

TEST_CASE("both readers give the same for texts of any kind") {
  RandomTexts texts;
  for (int i = 0; i < 20'000; ++i) {
    check_same(texts.any(12));
    check_same(texts.nearly_simple());
  }
}

TEST_CASE("texts that are made of what is simple are read without the parser") {
  RandomTexts texts;
  for (int i = 0; i < 2'000; ++i) {
    const std::string text = texts.simple();
    INFO(text);
    CHECK(is_simple(text));
    check_same(text);
  }
}
